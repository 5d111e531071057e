"""Paths of file URIs; no other module parses them."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote

_FILE = "file://"


def path_of(uri: str) -> str:
    """Write a URI the way keys are written: file URIs percent-decoded, without their scheme.

    Addresses in S3 and plain paths stay as they are.
    """
    return unquote(uri.removeprefix(_FILE)) if uri.startswith(_FILE) else uri


def keys_within(root_uri: str, uri: str) -> set[str]:
    """Return the keys of an address under a root; empty if it is not inside.

    A path has a second key if it leads into the root through links or another mount point. The key
    of the root itself is "".
    """
    root, path = path_of(root_uri), path_of(uri)
    keys = {key for key in [_relative(root, path)] if key is not None}
    if root_uri.startswith(_FILE) and uri.startswith(_FILE):
        keys |= _keys_behind_links(root, os.path.realpath(path))
    return keys


def _relative(root: str, path: str) -> str | None:
    if path == root:
        return ""
    return path.removeprefix(f"{root}/") if path.startswith(f"{root}/") else None


def _keys_behind_links(root: str, path: str) -> set[str]:
    """Find the root among the folders above a path, by identity: names differ by mount point."""
    if not os.path.isdir(root):
        return set()
    above = (Path(path), *Path(path).parents)
    return {
        "" if path == str(folder) else os.path.relpath(path, folder)
        for folder in above
        if folder.exists() and os.path.samefile(folder, root)
    }
