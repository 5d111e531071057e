"""Tag directories of TIFF and EXIF: entries, and the positions of their values."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import NamedTuple

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs.source import Source

# Field types of TIFF 6.0 and BigTIFF: struct letter, and number of them per value.
_TYPES = {
    1: ("B", 1),
    2: ("s", 1),
    3: ("H", 1),
    4: ("I", 1),
    5: ("I", 2),
    6: ("b", 1),
    7: ("s", 1),
    8: ("h", 1),
    9: ("i", 1),
    10: ("i", 2),
    11: ("f", 1),
    12: ("d", 1),
    13: ("I", 1),
    16: ("Q", 1),
    17: ("q", 1),
    18: ("Q", 1),
}
_MAX_ENTRIES = 4096
_MAX_VALUE_BYTES = 1 << 26


class Entry(NamedTuple):
    """One tag. Positions are in bytes from the start of the file."""

    tag: int
    type: int
    number: int
    """Number of values."""
    position: int
    """Position of the entry itself."""
    start: int
    """Position of the values."""
    length: int
    """Length of the values in bytes."""


class Directory(NamedTuple):
    """The tags of one directory. Positions are in bytes from the start of the file."""

    entries: dict[int, Entry]
    position: int
    next_position: int
    """Position of the next directory; 0 if this is the last one."""
    next_link: int
    """Position of the field that holds `next_position`."""
    repeated: tuple[Entry, ...] = ()
    """Further entries of tags that `entries` has."""


class TagFile:
    """A TIFF structure: little or big endian, classic or BigTIFF.

    Raises: ImageError if it does not begin as one; NeedMoreBytes.
    """

    def __init__(self, source: Source) -> None:
        start = source.take(0, 4)
        if start[:2] not in (b"II", b"MM"):
            raise ImageError(ErrorClass.DECODE, "the tags begin with neither II nor MM")
        self.source = source
        self.order = "<" if start[:2] == b"II" else ">"
        self.big = 43 in (start[2], start[3])
        self._word = 8 if self.big else 4
        self.first = self.read("Q", 8) if self.big else self.read("I", 4)

    def read(self, letter: str, position: int) -> int:
        """Read one number of a struct letter."""
        size = struct.calcsize(letter)
        value: int = struct.unpack(self.order + letter, self.source.take(position, size))[0]
        return value

    def directory(self, position: int) -> Directory:
        """Read one directory. Tags of unknown type or without values are skipped.

        Raises: ImageError, NeedMoreBytes.
        """
        count_letter, step, inline = ("Q", 20, 12) if self.big else ("H", 12, 8)
        count = self.read(count_letter, position)
        if count > _MAX_ENTRIES:
            raise ImageError(ErrorClass.DECODE, f"a directory of {count} tags")
        start = position + struct.calcsize(count_letter)
        end = start + count * step
        self.source.take(start, count * step)
        entries: dict[int, Entry] = {}
        repeated: list[Entry] = []
        for at in range(start, end, step):
            tag, kind = self.read("H", at), self.read("H", at + 2)
            number = self.read("Q" if self.big else "I", at + 4)
            length = number * size_of(kind)
            if length == 0:
                continue
            place = at + inline
            if length > self._word:
                place = self.read("Q" if self.big else "I", place)
            entry = Entry(tag, kind, number, at, place, length)
            if entries.setdefault(tag, entry) is not entry:
                repeated.append(entry)
        link = "Q" if self.big else "I"
        try:
            following = self.read(link, end)
        except ImageError:
            following = 0  # some EXIF writers omit the link at the end
        return Directory(entries, position, following, end, tuple(repeated))

    def chain(self) -> Iterator[Directory]:
        """Iterate over the linked directories; a link back to one of them ends the iteration."""
        position, seen = self.first, set[int]()
        while position and position not in seen:
            seen.add(position)
            directory = self.directory(position)
            yield directory
            position = directory.next_position

    def value(self, entry: Entry) -> bytes:
        """Return the bytes of a value.

        Raises: ImageError if they lie outside the file or are above the limit; NeedMoreBytes.
        """
        if entry.length > _MAX_VALUE_BYTES:
            raise ImageError(ErrorClass.DECODE, f"tag {entry.tag} has {entry.length} bytes")
        return self.source.take(entry.start, entry.length)

    def numbers(self, entry: Entry | None) -> tuple[float, ...]:
        """Return the numbers of an entry, rationals as quotients; () for None, text and bytes."""
        if entry is None or entry.type in (2, 7):
            return ()
        letter, parts = _TYPES[entry.type]
        data = struct.unpack(f"{self.order}{entry.number * parts}{letter}", self.value(entry))
        if parts == 1:
            return data
        return tuple(a / b if b else 0.0 for a, b in zip(data[::2], data[1::2], strict=True))

    def number(self, directory: Directory, tag: int, default: int = 0) -> int:
        """Return the first number of a tag, or the default if it is missing or infinite."""
        values = self.numbers(directory.entries.get(tag))
        return int(values[0]) if values and math.isfinite(values[0]) else default


def size_of(kind: int) -> int:
    """Return the size in bytes of one value of a field type; 0 for an unknown type."""
    letter, parts = _TYPES.get(kind, ("s", 0))
    return struct.calcsize("<" + letter) * parts


def reversed_numbers(value: bytes, kind: int) -> bytes:
    """Reverse the bytes of each number of a value of a field type."""
    letter, _ = _TYPES.get(kind, ("s", 0))
    step = struct.calcsize("<" + letter)
    return b"".join(value[at : at + step][::-1] for at in range(0, len(value), step))
