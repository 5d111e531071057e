"""Tags removed from an EXIF block in place: positions, and those that cannot be read."""

from __future__ import annotations

import struct

from sr_core.errors import ImageError
from sr_core.imaging.codecs.tags.directory import Directory, TagFile
from sr_core.imaging.codecs.tags.exif import EXIF_DIRECTORY, GPS_DIRECTORY, opened
from sr_core.imaging.codecs.tags.tree import LINKS, below
from sr_core.imaging.metadata.xmp_places import without_places

_XMP = 0x2BC
_ENTRY_BYTES = 12


def without_gps(exif: bytes) -> bytes:
    """Remove the GPS directory: its link, and every byte of its values; likewise from XMP in a tag.

    Some programs link it in the EXIF directory.

    Raises: ImageError if the block cannot be read.
    """
    tags, first = opened(exif)
    changed = bytearray(exif)
    packet = first.entries.get(_XMP)
    if packet is not None:
        kept = without_places(tags.value(packet)) or b""
        changed[packet.start : packet.start + packet.length] = kept.ljust(packet.length)
    inner = tags.number(first, EXIF_DIRECTORY)
    for directory in (first, tags.directory(inner)) if inner else (first,):
        if GPS_DIRECTORY in directory.entries:
            _remove_gps(changed, tags, directory)
    return bytes(changed)


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
        _remove_damaged(changed, tags, linked, path)
    return bytes(changed)


def _remove_gps(changed: bytearray, tags: TagFile, directory: Directory) -> None:
    link = directory.entries[GPS_DIRECTORY]
    gps = tags.directory(tags.number(directory, GPS_DIRECTORY))
    for entry in gps.entries.values():
        tags.value(entry)  # raises if the value lies outside the block
        changed[entry.start : entry.start + entry.length] = bytes(entry.length)
    changed[gps.position : gps.next_link] = bytes(gps.next_link - gps.position)
    _remove(changed, tags, directory, [link.position])


def _remove_damaged(
    changed: bytearray, tags: TagFile, directory: Directory, above: tuple[int, ...]
) -> None:
    path = (*above, directory.position)
    damaged = []
    for tag, entry in directory.entries.items():
        try:
            tags.value(entry)
            if tag in LINKS:
                linked = tags.directory(below(tags, directory, tag, path))
                _remove_damaged(changed, tags, linked, path)
        except ImageError:
            damaged.append(entry.position)
    _remove(changed, tags, directory, damaged)


def _remove(changed: bytearray, tags: TagFile, directory: Directory, places: list[int]) -> None:
    """Remove entries of a directory; those after them move up.

    The link to the next directory moves too. Below the first directory there is none, and values
    may begin at its place.
    """
    if not places:
        return
    end = directory.next_link
    count = tags.read("H", directory.position)
    starts = range(end - count * _ENTRY_BYTES, end, _ENTRY_BYTES)
    kept = [changed[at : at + _ENTRY_BYTES] for at in starts if at not in places]
    is_first = directory.position == tags.first
    link = bytes(changed[end : end + 4]) if is_first else bytes(4)
    changed[starts.start : end] = b"".join([*kept, link]).ljust(count * _ENTRY_BYTES, b"\0")
    struct.pack_into(tags.order + "H", changed, directory.position, len(kept))
