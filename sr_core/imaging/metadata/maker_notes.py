"""Maker notes: which of them may be moved to another offset."""

from __future__ import annotations

MAKER_NOTE = 0x927C
# These begin with a TIFF structure of their own, count offsets from their own start, or have none.
# All others count from the start of the EXIF data, so that they only keep their meaning at their
# old offset. Source: ExifTool 13, MakerNotes.pm: entries whose Base is the note's start, or NotIFD.
_SELF_CONTAINED = (
    *(b"Apple iOS\0", b"Nikon\0\2", b"FUJIFILM", b"GENERALE", b"GE\x0c\0\0\0\x16\0\0\0"),
    *(b"OLYMPUS\0", b"OM SYSTEM\0", b"PENTAX \0", b"S1\0\0\0\0\0\0\x0c\0\0\0", b"RICOH\0II"),
    *(b"RICOH\0MM", b"KYOCERA", b"MOT\0", b"SEMC MS\0", b"ISLMAKERNOTE000\0", b"LEICA0"),
    *(b"LEICA\0\1\0", b"LEICA\0\4\0", b"LEICA\0\5\0", b"LEICA\0\6\0", b"LEICA\0\7\0"),
    *(b"LEICA\0\x10\0", b"LEICA\0\x1a\0", b"LEICA\0\0\0", b"HDRP", b"KDK", b"VER:"),
    *(b"IIII\4\0", b"IIII\5\0", b"IIII\6\0", b"610", b"[ae_dbg_info:", b"RECONYX"),
)


def is_self_contained(note: bytes) -> bool:
    """Return True if a maker note is readable at any offset."""
    return note.startswith(_SELF_CONTAINED)
