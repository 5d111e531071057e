"""EXIF tags that describe pixels, made true for other pixels; the thumbnail, cut and made anew."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from fractions import Fraction

from sr_core.errors import ImageError
from sr_core.imaging.codecs.tags.directory import Directory, Entry, TagFile
from sr_core.imaging.codecs.tags.exif import EXIF_DIRECTORY, GPS_DIRECTORY, INTEROPERABILITY, opened
from sr_core.imaging.codecs.tags.tree import Field, serialised
from sr_core.imaging.metadata.turning import turned_subject

_SUBJECT_AREA, _SUBJECT_LOCATION = 0x9214, 0xA214
_FOCAL_X, _FOCAL_Y = 0xA20E, 0xA20F
_COMPRESSION, _JPEG_START, _JPEG_LENGTH, _STRIPS, _COUNTS = 0x103, 0x201, 0x202, 0x111, 0x117
_SHORT, _LONG, _RATIONAL, _OLD_JPEG = 3, 4, 5, 6
_TOP = (1 << 16) - 1
_MOST_DIRECTORIES = 8
_LINKS = (EXIF_DIRECTORY, GPS_DIRECTORY, INTEROPERABILITY)
_Numbers = list[float]


def turned(exif: bytes, orientation: int, width_px: int, height_px: int) -> bytes:
    """Move the subject's place with the pixels of a picture that is turned or mirrored.

    Args:
        exif: the block.
        orientation: EXIF orientation that is applied.
        width_px: width of the stored picture.
        height_px: height of the stored picture.

    Raises: ImageError if the block cannot be read.
    """

    def moved(values: _Numbers) -> _Numbers:
        return turned_subject(values, orientation, width_px, height_px)

    return exif if orientation == 1 else _with_subject(exif, moved)


def scaled(exif: bytes, across: float, down: float) -> bytes:
    """Scale the subject's place and the resolution of the focal plane.

    Raises: ImageError if the block cannot be read.
    """
    factors = (across, down, across, down)
    exif = _with_subject(
        exif, lambda values: [value * each for value, each in zip(values, factors, strict=False)]
    )
    tags, inner = _exif_directory(exif)
    changed = bytearray(exif)
    for tag, factor in ((_FOCAL_X, across), (_FOCAL_Y, down)):
        entry = None if inner is None else inner.entries.get(tag)
        if entry is None or (entry.type, entry.number) != (_RATIONAL, 1):
            continue
        above, below = struct.unpack(tags.order + "II", tags.value(entry))
        if below:
            ratio = Fraction(above, below) * Fraction(factor).limit_denominator(1000)
            ratio = ratio.limit_denominator(1 << 16)
            if ratio.numerator < 1 << 32:
                packed = struct.pack(tags.order + "II", *ratio.as_integer_ratio())
                changed[entry.start : entry.start + 8] = packed
    return bytes(changed)


def without_thumbnail(exif: bytes) -> tuple[bytes, int]:
    """Unlink the thumbnail and remove its bytes; return the block and their number.

    The block is cut if the thumbnail is at its end, as in most files; else the bytes become zeros.
    Other data may follow it, such as previews that maker notes refer to.

    Raises: ImageError if the block cannot be read.
    """
    tags, first = opened(exif)
    if not first.next_position:
        return exif, 0
    changed = bytearray(exif)
    struct.pack_into(tags.order + "I", changed, first.next_link, 0)
    try:
        second = tags.directory(first.next_position)
        start, length = _thumbnail(tags, second)
        used = [*_extents(tags, first)]
    except ImageError:
        return bytes(changed), 0
    end = max(stop for _, stop in used)
    if not 0 < start <= len(exif) - length:
        return bytes(changed), 0
    parts = [(second.position, second.next_link + 4), (start, start + length)]
    parts += [(entry.start, entry.start + entry.length) for entry in second.entries.values()]
    cut = min(parts)[0]
    if cut >= end and not _between(exif, parts).strip(b"\0"):
        return bytes(changed[:cut]), length
    if all(stop <= start or begin >= start + length for begin, stop in used):
        changed[start : start + length] = bytes(length)
    return bytes(changed), length


def with_thumbnail(exif: bytes, jpeg: bytes) -> bytes:
    """Append a thumbnail and link to it from the first directory.

    Raises: ImageError if the block cannot be read.
    """
    tags, first = opened(exif)
    if first.next_link + 4 > len(exif):
        return exif
    changed = bytearray(exif + bytes(len(exif) % 2))
    position = len(changed)
    struct.pack_into(tags.order + "I", changed, first.next_link, position)

    def directory(start: int) -> bytes:
        fields = [
            Field(_COMPRESSION, _SHORT, 1, struct.pack(tags.order + "H", _OLD_JPEG)),
            Field(_JPEG_START, _LONG, 1, struct.pack(tags.order + "I", start)),
            Field(_JPEG_LENGTH, _LONG, 1, struct.pack(tags.order + "I", len(jpeg))),
        ]
        return serialised(fields, position, tags.order)

    return bytes(changed) + directory(position + len(directory(0))) + jpeg


def _thumbnail(tags: TagFile, directory: Directory) -> tuple[int, int]:
    for start, length in ((_JPEG_START, _JPEG_LENGTH), (_STRIPS, _COUNTS)):
        if {start, length} <= set(directory.entries):
            return tags.number(directory, start), tags.number(directory, length)
    return 0, 0


def _extents(tags: TagFile, first: Directory) -> Iterator[tuple[int, int]]:
    """Yield the places of the first directory, of those below, and of their values."""
    pending, seen = [first], set[int]()
    while pending and len(seen) < _MOST_DIRECTORIES:
        directory = pending.pop()
        if directory.position in seen:
            continue
        seen.add(directory.position)
        yield directory.position, directory.next_link + 4
        for entry in directory.entries.values():
            yield entry.start, entry.start + entry.length
        links = [tag for tag in _LINKS if tag in directory.entries]
        pending += [tags.directory(tags.number(directory, tag)) for tag in links]


def _between(exif: bytes, parts: list[tuple[int, int]]) -> bytes:
    """Return the bytes from the first part to the end of the block that belong to no part."""
    parts = sorted(parts)
    found, done = [], parts[0][0]
    for start, end in parts:
        found.append(exif[done:start])
        done = max(done, end)
    return b"".join([*found, exif[done:]])


def _exif_directory(exif: bytes) -> tuple[TagFile, Directory | None]:
    tags, first = opened(exif)
    link = tags.number(first, EXIF_DIRECTORY)
    return tags, tags.directory(link) if link else None


def _with_subject(exif: bytes, moved: Callable[[_Numbers], _Numbers]) -> bytes:
    tags, inner = _exif_directory(exif)
    if inner is None:
        return exif
    changed = bytearray(exif)
    for tag in (_SUBJECT_AREA, _SUBJECT_LOCATION):
        entry: Entry | None = inner.entries.get(tag)
        if entry is not None and entry.type == _SHORT and 2 <= entry.number <= 4:
            values = moved(list(tags.numbers(entry)))
            limited = [min(_TOP, max(0, round(value))) for value in values]
            packed = struct.pack(f"{tags.order}{entry.number}H", *limited)
            changed[entry.start : entry.start + entry.length] = packed
    return bytes(changed)
