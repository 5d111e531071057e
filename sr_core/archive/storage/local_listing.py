"""Listing a folder in key order, without leaving the folder or losing a file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

from sr_core.archive.storage.keys import is_reserved, key_of_name
from sr_core.archive.storage.store import ObjectInfo


def walk(root: str, prefix: str) -> Iterator[ObjectInfo]:
    """Yield the files under `root` whose key starts with `prefix`, in the order of their keys.

    Holds the names of one folder per level in memory. Links to files are followed inside the root.
    Whatever cannot be entered or read (links to folders, links out of the root, unreadable folders,
    pipes) is yielded as one object, so that nothing is left out silently.

    Raises: OSError.
    """
    folder = prefix.rpartition("/")[0]
    start = os.path.join(root, folder) if folder else root
    if os.path.realpath(start) == start:  # links to folders are not entered
        yield from _walk_folder(root, f"{folder}/" if folder else "", prefix)


def _walk_folder(root: str, folder: str, prefix: str) -> Iterator[ObjectInfo]:
    # `folder` and `name` are spelled as on disk; a key is their form that can be stored as text.
    for name in _sorted_names(os.path.join(root, folder)):
        path, is_folder = folder + name.rstrip("/"), name.endswith("/")
        key = key_of_name(path)
        if is_reserved(key):
            continue
        if is_folder and (f"{key}/".startswith(prefix) or prefix.startswith(f"{key}/")):
            try:
                yield from _walk_folder(root, f"{path}/", prefix)
            except PermissionError:
                yield describe(key, os.lstat(os.path.join(root, path)))
        elif not is_folder and key.startswith(prefix):
            with suppress(FileNotFoundError):  # removed since its folder was read
                yield describe(key, _status(root, os.path.join(root, path)))


def describe(key: str, status: os.stat_result) -> ObjectInfo:
    """Describe a file; anything but a regular file has size 0."""
    size = status.st_size if stat.S_ISREG(status.st_mode) else 0
    modified = datetime.fromtimestamp(status.st_mtime, UTC)
    return ObjectInfo(key, size, etag_of(status), modified, stat.S_IMODE(status.st_mode))


def etag_of(status: os.stat_result) -> str:
    """Derive an etag from the modification time and size of a file."""
    return f"{status.st_mtime_ns:x}-{status.st_size:x}"


def is_inside(root: str, path: str) -> bool:
    """Return True if a resolved path is the root or under it."""
    return path == root or path.startswith(root.rstrip("/") + "/")


def _sorted_names(folder: str) -> list[str]:
    # A folder sorts with the slash that its keys have after its name: "a.jpg" before "a/b".
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        names = [
            f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name
            for entry in entries
        ]
        return sorted(names, key=key_of_name)
    return []


def _status(root: str, path: str) -> os.stat_result:
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        resolved = os.path.realpath(path)
        if is_inside(root, resolved) and os.path.isfile(resolved):
            return os.stat(resolved)
    return status
