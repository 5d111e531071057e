"""Opening the store at an address."""

from __future__ import annotations

import os
import re
from urllib.parse import unquote, urlsplit

from sr_core.archive.storage.local import LocalStore
from sr_core.archive.storage.store import Store
from sr_core.errors import ConfigurationError

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")


def open_store(uri: str) -> Store:
    """Open the store at "s3://bucket/prefix", "file:///folder" or a plain path.

    The prefix of an s3 address is used as written; a file address is percent-decoded. Nothing is
    read or created yet.

    Raises: ConfigurationError if the address is not that of a store.
    """
    scheme = match[1].lower() if (match := _SCHEME.match(uri)) else ""
    if scheme == "s3":
        return _open_s3(uri)
    if scheme == "file":
        parts = urlsplit(uri)
        if parts.netloc not in ("", "localhost") or parts.query or parts.fragment:
            raise ConfigurationError(f"{uri}: write file:///folder, with %3F for ? and %23 for #")
        return _open_folder(uri, unquote(parts.path))
    if scheme:
        raise ConfigurationError(f"{uri}: {scheme}:// is not supported: use s3:// or a folder")
    return _open_folder(uri, os.path.expanduser(uri))


def _open_folder(uri: str, path: str) -> Store:
    if not path or "\0" in path:
        raise ConfigurationError(f"{uri!r} is not a folder: give a path or s3://bucket/prefix")
    folder = os.path.abspath(path)
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise ConfigurationError(f"{uri} is a file: give the folder that holds it")
    return LocalStore(folder)


def _open_s3(uri: str) -> Store:
    # Imported here: importing boto3 takes longer than most work on a local folder.
    from sr_core.archive.storage.s3 import S3Store  # noqa: PLC0415
    from sr_core.archive.storage.settings import S3Settings  # noqa: PLC0415

    bucket, _, prefix = uri.partition("://")[2].partition("/")
    prefix = prefix.rstrip("/")
    if not _BUCKET.fullmatch(bucket):
        raise ConfigurationError(
            f"{uri}: {bucket!r} is not a bucket name: write s3://bucket/prefix"
        )
    if prefix and any(part in ("", ".", "..") for part in prefix.split("/")):
        raise ConfigurationError(f"{uri}: the prefix has an empty part, '.' or '..'")
    return S3Store(bucket, prefix, S3Settings.from_environment())
