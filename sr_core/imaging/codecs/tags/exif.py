"""EXIF and XMP, edited in place: bytes that need no change stay as they are."""

from __future__ import annotations

import re
import struct

from sr_core.errors import ErrorClass, ImageError, SrfleetError
from sr_core.imaging.codecs.source import Source
from sr_core.imaging.codecs.tags.directory import Directory, TagFile
from sr_core.imaging.colour import ADOBE_RGB, Space, Uncalibrated

ORIENTATION = 0x0112
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
EXIF_DIRECTORY, GPS_DIRECTORY = 0x8769, 0x8825
COLOUR_SPACE, INTEROPERABILITY, _INTEROPERABILITY_INDEX = 0xA001, 0xA005, 1
_ADOBE, _UNCALIBRATED = 2, 0xFFFF  # values of ColorSpace; 1 is sRGB
MIN_DPI, MAX_DPI = 0.01, 1e6
# Width and height in IFD0, in the EXIF IFD and in the interoperability IFD.
_SIZE_TAGS = ((0x0100, 0x0101), (0xA002, 0xA003), (0x1001, 0x1002))

_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|>)\s*)[2-8]")


def orientation(exif: bytes | None) -> int:
    """Return the orientation, 1 to 8; 1 if it is missing or cannot be read."""
    if exif is None:
        return 1
    try:
        tags, first = opened(exif)
        value = tags.number(first, ORIENTATION, 1)
    except SrfleetError:
        return 1
    return value if 1 <= value <= 8 else 1


def upright(exif: bytes) -> bytes:
    """Set the orientation to 1 and unlink the thumbnail, which has the old orientation.

    Raises: ImageError if the block cannot be read.
    """
    tags, first = opened(exif)
    changed = bytearray(exif)
    _set_upright(changed, tags, first)
    if first.next_position:
        struct.pack_into(tags.order + "I", changed, first.next_link, 0)
    return bytes(changed)


def with_size(exif: bytes, width_px: int, height_px: int) -> bytes:
    """Update the tags that hold the picture's size, if any.

    Raises: ImageError if the block cannot be read.
    """
    tags, first = opened(exif)
    changed = bytearray(exif)
    inner = _linked(tags, first, EXIF_DIRECTORY)
    related = _linked(tags, first, INTEROPERABILITY)
    if related is None and inner is not None:
        related = _linked(tags, inner, INTEROPERABILITY)
    for directory, (wide, high) in zip((first, inner, related), _SIZE_TAGS, strict=True):
        if directory is None:
            continue
        _set_number(changed, tags, directory, wide, width_px)
        _set_number(changed, tags, directory, high, height_px)
    return bytes(changed)


def colour_space(exif: bytes) -> Space | Uncalibrated | None:
    """Return the colour space that a block names, as `colour_space_in` does."""
    try:
        return colour_space_in(*opened(exif))
    except SrfleetError:
        return None


def colour_space_in(tags: TagFile, first: Directory) -> Space | Uncalibrated | None:
    """Return Adobe RGB or Uncalibrated if the EXIF directory says so; None for sRGB or nothing.

    Source: EXIF 2.32, 4.6.5 (ColorSpace 65535) with DCF 2.0, 3.3.2 (interoperability index R03);
    ColorSpace 2 is what some cameras write for the same.
    """
    try:
        link = tags.number(first, EXIF_DIRECTORY)
        inner = tags.directory(link) if link else first
        kind = tags.number(inner, COLOUR_SPACE, 1)
        if kind not in (_ADOBE, _UNCALIBRATED):
            return None
        link = tags.number(inner, INTEROPERABILITY)
        index = tags.directory(link).entries.get(_INTEROPERABILITY_INDEX) if link else None
        named = index is not None and tags.value(index).startswith(b"R03")
    except SrfleetError:
        return None
    return ADOBE_RGB if named or kind == _ADOBE else Uncalibrated()


def as_srgb(exif: bytes) -> bytes:
    """Set the colour space to sRGB: ColorSpace to 1, the interoperability index to R98.

    A block that cannot be read stays as it is.
    """
    changed = bytearray(exif)
    try:
        tags, first = opened(exif)
        inner = tags.directory(tags.number(first, EXIF_DIRECTORY))
        _set_number(changed, tags, inner, COLOUR_SPACE, 1)
        index = tags.directory(tags.number(inner, INTEROPERABILITY)).entries.get(
            _INTEROPERABILITY_INDEX
        )
        if index is not None and tags.value(index).startswith(b"R03"):
            changed[index.start : index.start + 3] = b"R98"
    except SrfleetError:
        pass
    return bytes(changed)


def resolution(tags: TagFile, directory: Directory) -> tuple[float, float] | None:
    """Return dots per inch, (horizontal, vertical); None if missing."""
    unit = tags.number(directory, RESOLUTION_UNIT, 2)
    wide = tags.numbers(directory.entries.get(X_RESOLUTION))
    high = tags.numbers(directory.entries.get(Y_RESOLUTION)) or wide
    if unit not in (2, 3) or not wide:
        return None
    factor = 2.54 if unit == 3 else 1.0
    dpi = wide[0] * factor, high[0] * factor
    return dpi if all(0 < value < MAX_DPI for value in dpi) else None


def resolution_of(exif: bytes) -> tuple[float, float] | None:
    """Return dots per inch of an EXIF block; None if missing or unreadable."""
    try:
        return resolution(*opened(exif))
    except ImageError:
        return None


def xmp_upright(xmp: bytes) -> bytes:
    """Set the orientation, which XMP repeats, to 1."""
    return _XMP_ORIENTATION.sub(rb"\g<1>1", xmp)


def opened(exif: bytes) -> tuple[TagFile, Directory]:
    """Return the tags of a block and its first directory.

    Raises: ImageError if it cannot be read.
    """
    tags = TagFile(Source(exif))
    if tags.big:
        raise ImageError(ErrorClass.DECODE, "EXIF in a BigTIFF structure")
    return tags, tags.directory(tags.first)


def _linked(tags: TagFile, directory: Directory, tag: int) -> Directory | None:
    """Return the directory that a tag links to; None if the link is missing or leads nowhere."""
    try:
        position = tags.number(directory, tag)
        found = tags.directory(position) if position else None
    except ImageError:
        return None
    above = (tags.first, directory.position)
    return None if found is None or found.position in above else found


def _set_upright(changed: bytearray, tags: TagFile, first: Directory) -> None:
    """Make the orientation a single SHORT of 1, whatever its type and count were."""
    entry = first.entries.get(ORIENTATION)
    if entry is not None:
        short = struct.pack(tags.order + "HIHH", 3, 1, 1, 0)
        changed[entry.position + 2 : entry.position + 12] = short


def _set_number(
    changed: bytearray, tags: TagFile, directory: Directory, tag: int, value: int
) -> None:
    """Make a tag a single number, if it exists: a SHORT if it was one and the value fits."""
    entry = directory.entries.get(tag)
    if entry is None:
        return
    kind, letter = (3, "HH") if entry.type == 3 and value < 1 << 16 else (4, "I")
    values = (value, 0) if kind == 3 else (value,)
    packed = struct.pack(tags.order + "HI" + letter, kind, 1, *values)
    changed[entry.position + 2 : entry.position + 12] = packed
