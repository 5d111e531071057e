"""Entries of a folder that are no objects of a store: links, unfinished writes, pipes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from sr_core.archive.storage.keys import RESERVED, key_of_name
from sr_core.archive.storage.local_files import LOCK
from sr_core.archive.storage.store import Store


class Irregularity(StrEnum):
    """A kind of entry that is neither a file nor a folder of a store."""

    LINK = "a symbolic link"
    LEFTOVER = "an unfinished write"
    SPECIAL = "neither a file nor a folder"


@dataclass(frozen=True, slots=True)
class Irregular:
    """An entry that a listing hides, or shows as the file that it leads to."""

    key: str
    what: Irregularity


def irregular_entries(store: Store) -> Iterator[Irregular]:
    """Yield the irregular entries under a root, in the order of their keys; none in a bucket.

    The lock file of a store on a file system without hard links is not one.
    """
    if store.local_path is not None:
        yield from _walk(os.path.realpath(store.local_path), "")


def _walk(root: str, folder: str) -> Iterator[Irregular]:
    try:
        with os.scandir(os.path.join(root, folder)) as entries:
            found = sorted(entries, key=lambda entry: key_of_name(entry.name))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    for entry in found:
        path = folder + entry.name
        what = _irregularity(entry)
        if what is not None and path != LOCK:
            yield Irregular(key_of_name(path), what)
        elif entry.is_dir(follow_symlinks=False):
            yield from _walk(root, f"{path}/")


def _irregularity(entry: os.DirEntry[str]) -> Irregularity | None:
    if entry.is_symlink():
        return Irregularity.LINK
    if entry.is_dir(follow_symlinks=False):
        return None
    if entry.name.startswith(RESERVED):
        return Irregularity.LEFTOVER
    if not entry.is_file(follow_symlinks=False):
        return Irregularity.SPECIAL
    return None
