"""Data that maker notes refer to outside the EXIF data, which an output does not have.

Source: ExifTool 13, Canon.pm (tag 0x83) and Nikon.pm (tag 0x11).
"""

from __future__ import annotations

from sr_core.errors import ImageError
from sr_core.imaging.codecs.source import Source
from sr_core.imaging.codecs.tags.directory import TagFile
from sr_core.imaging.codecs.tags.exif import EXIF_DIRECTORY, opened
from sr_core.imaging.codecs.tags.tree import Field
from sr_core.imaging.metadata.maker_notes import MAKER_NOTE

_MAKE = 0x10F
_DECISION_DATA = 0x83
_NIKON, _NIKON_HEADER_BYTES = b"Nikon\0\2", 10
_PREVIEW, _PREVIEW_LENGTH = 0x11, 0x202


def has_decision_data(exif: bytes) -> bool:
    """Return True if a note of Canon refers to original decision data, at a place in the file."""
    try:
        tags, first = opened(exif)
        make = first.entries.get(_MAKE)
        if make is None or not tags.value(make).startswith(b"Canon"):
            return False
        inner = tags.directory(tags.number(first, EXIF_DIRECTORY))
        note = inner.entries.get(MAKER_NOTE)
        return note is not None and tags.number(tags.directory(note.start), _DECISION_DATA) > 0
    except ImageError:
        return False


def nikon_preview_bytes(tags: TagFile, note: Field) -> int:
    """Return the size of the preview that a note of Nikon refers to outside itself; 0 if none.

    Args:
        tags: the TIFF file.
        note: the note, with its place.
    """
    if note.place is None or not note.value.startswith(_NIKON):
        return 0
    try:
        own = TagFile(Source(tags.source.data[note.place + _NIKON_HEADER_BYTES :]))
        place = own.number(own.directory(own.first), _PREVIEW)
        if place < len(note.value) - _NIKON_HEADER_BYTES:
            return 0
        return own.number(own.directory(place), _PREVIEW_LENGTH)
    except ImageError:
        return 0
