"""Paths of file URIs; no other module parses them."""

from __future__ import annotations

from urllib.parse import unquote

_FILE = "file://"


def path_of(uri: str) -> str:
    """Write a URI the way keys are written: file URIs percent-decoded, without their scheme.

    Addresses in S3 and plain paths stay as they are.
    """
    return unquote(uri.removeprefix(_FILE)) if uri.startswith(_FILE) else uri
