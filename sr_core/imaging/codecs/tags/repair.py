"""EXIF blocks without the tags that cannot be read, for files in which other bytes follow."""

from __future__ import annotations

import struct

from sr_core.errors import ImageError
from sr_core.imaging.codecs.tags.directory import Directory, TagFile
from sr_core.imaging.codecs.tags.exif import opened
from sr_core.imaging.codecs.tags.tree import LINKS, below

_ENTRY_BYTES = 12


def without_damaged(exif: bytes) -> bytes:
    """Remove the tags below the first directory whose values lie outside the block.

    A TIFF file begins with the block: there, such a tag would show bytes of the picture as its
    value, and readers would follow a link into the picture.

    Raises: ImageError if the block cannot be read.
    """
    tags, first = opened(exif)
    changed = bytearray(exif)
    for tag in sorted(LINKS & set(first.entries)):
        path = (first.position,)
        try:
            linked = tags.directory(below(tags, first, tag, path))
        except ImageError:
            continue
        _repair(changed, tags, linked, path)
    return bytes(changed)


def _repair(
    changed: bytearray, tags: TagFile, directory: Directory, above: tuple[int, ...]
) -> None:
    path = (*above, directory.position)
    damaged = []
    for tag, entry in directory.entries.items():
        try:
            tags.value(entry)
            if tag in LINKS:
                linked = tags.directory(below(tags, directory, tag, path))
                _repair(changed, tags, linked, path)
        except ImageError:
            damaged.append(entry.position)
    _remove(changed, tags, directory, damaged)


def _remove(changed: bytearray, tags: TagFile, directory: Directory, places: list[int]) -> None:
    """Remove entries of a directory; those after them move up, and so does its end."""
    end = min(directory.next_link + 4, len(changed))
    for place in sorted(places, reverse=True):
        changed[place : end - _ENTRY_BYTES] = changed[place + _ENTRY_BYTES : end]
        changed[end - _ENTRY_BYTES : end] = bytes(_ENTRY_BYTES)
    count = tags.read("H", directory.position) - len(places)
    struct.pack_into(tags.order + "H", changed, directory.position, count)
