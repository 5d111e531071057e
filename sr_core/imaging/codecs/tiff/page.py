"""TIFF: one page as it is written: its directory, then its strips or tiles."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sr_core.imaging.codecs.tags.tree import Field, serialised
from sr_core.imaging.codecs.tiff.description import Description
from sr_core.scratch import Spool

Values = tuple[int, str, list[int]]
"""A tag, the struct letter of its numbers, and the numbers."""

_LETTERS = {"H": 3, "I": 4, "Q": 16}


@dataclass(frozen=True, slots=True)
class Structure:
    """The tags of a page that describe how its samples are stored."""

    values: tuple[Values, ...]
    offsets: int
    """Tag of the positions of the strips or tiles."""
    counts: int
    """Tag of their lengths in bytes."""
    number: int
    """Number of strips or tiles."""


def write_page(
    file: Spool, structure: Structure, pieces: Iterator[bytes], about: Description, *, big: bool
) -> int:
    """Write a directory and the strips or tiles of its page; return the number of its tags.

    The directory precedes them, so that readers find it at once; it is rewritten when their
    lengths are known.

    Args:
        file: the file, at an even position.
        structure: how the samples are stored.
        pieces: the compressed strips or tiles.
        about: the descriptive tags.
        big: True for BigTIFF.
    """
    position, order = file.size, about.order
    counts = [0] * structure.number
    fields = _fields(structure, counts, 0, about, big=big)
    length = len(serialised(fields, position, order, big=big))
    file.write(bytes(length))
    for index, piece in enumerate(pieces):
        counts[index] = len(piece)
        file.write(piece)
    fields = _fields(structure, counts, position + length, about, big=big)
    file.overwrite(position, serialised(fields, position, order, big=big))
    return len(fields)


def _fields(
    structure: Structure, counts: list[int], start: int, about: Description, *, big: bool
) -> list[Field]:
    """Return the tags of a page. Their length does not depend on the counts.

    Args:
        structure: how the samples are stored.
        counts: length of each strip or tile in bytes.
        start: position of the first one.
        about: the descriptive tags.
        big: True for BigTIFF.
    """
    offsets = (start + np.cumsum([0, *counts[:-1]])).tolist()
    letter = "Q" if big else "I"
    values = [
        *structure.values,
        (structure.offsets, letter, offsets),
        (structure.counts, letter, counts),
    ]
    stored = [
        Field(
            tag, _LETTERS[kind], len(found), struct.pack(f"{about.order}{len(found)}{kind}", *found)
        )
        for tag, kind, found in values
    ]
    return [*stored, *about.fields]
