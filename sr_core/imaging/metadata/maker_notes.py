"""Maker notes: which of them may be moved to another offset."""

from __future__ import annotations

MAKER_NOTE = 0x927C
# These begin with a TIFF structure of their own, or count offsets from their own start. All others
# count from the start of the EXIF data, so that they only keep their meaning at their old offset.
# Source: ExifTool's MakerNotes.pm (entries with a Base of the note's start).
_SELF_CONTAINED = (
    *(b"Nikon\0\2", b"FUJIFILM", b"OLYMPUS\0", b"OM SYSTEM\0", b"Apple iOS\0", b"PENTAX \0"),
    *(b"HDRP", b"KDK", b"QVC\0", b"Google\0", b"SONY PI\0", b"PREMI\0"),
)


def is_self_contained(note: bytes) -> bool:
    """Return True if a maker note is readable at any offset."""
    return note.startswith(_SELF_CONTAINED)
