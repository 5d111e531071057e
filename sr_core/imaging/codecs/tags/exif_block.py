"""EXIF blocks made of tags: those of a TIFF page, or a resolution alone."""

from __future__ import annotations

import struct
from dataclasses import replace
from fractions import Fraction

from sr_core.errors import ImageError
from sr_core.imaging.codecs.source import Source
from sr_core.imaging.codecs.tags.directory import TagFile
from sr_core.imaging.codecs.tags.exif import RESOLUTION_UNIT, X_RESOLUTION, Y_RESOLUTION
from sr_core.imaging.codecs.tags.tree import (
    EXIF_DIRECTORY,
    PRIVATE_LINKS,
    Field,
    Tree,
    laid_out,
    read,
    serialised,
)
from sr_core.imaging.metadata import Losses
from sr_core.imaging.metadata.maker_notes import MAKER_NOTE, is_self_contained

_NOTE_PATH = (EXIF_DIRECTORY, MAKER_NOTE)
_FURTHEST_NOTE = 32 << 10
"""Largest offset that a maker note keeps; the bytes before it are tags or padding."""
_HEADER_BYTES = 8
_SHORT, _LONG, _RATIONAL = 3, 4, 5
_INCH = 2


def block_of(tree: Tree, losses: Losses) -> bytes | None:
    """Build an EXIF block; None if there are no tags.

    A maker note that only has a meaning at its offset keeps it; if it cannot, it is dropped.
    """
    note = tree.tag(*_NOTE_PATH)
    if note is not None and not is_self_contained(note.value):
        if note.place is not None and _HEADER_BYTES <= note.place <= _FURTHEST_NOTE:
            return _around(tree, note, note.place)
        losses.add("maker note, which cannot keep its offset", len(note.value))
        tree = tree.with_field(None, *_NOTE_PATH)
    return _block(_unplaced(tree), _HEADER_BYTES) if tree.fields or tree.inner else None


def movable(tree: Tree, losses: Losses) -> Tree:
    """Return the tags of a block without places, and without a maker note that depends on them."""
    note = tree.tag(*_NOTE_PATH)
    if note is not None and not is_self_contained(note.value):
        losses.add("maker note, which cannot keep its offset", len(note.value))
        tree = tree.with_field(None, *_NOTE_PATH)
    return _unplaced(tree)


def tree_of(exif: bytes, left_out: frozenset[int] = frozenset()) -> Tree:
    """Return the tags of an EXIF block, each with its place in it.

    Raises: ImageError.
    """
    tags = TagFile(Source(exif))
    return read(tags, tags.directory(tags.first), left_out, Losses())


def is_readable(exif: bytes) -> bool:
    """Return True if the tags of a block can be read."""
    try:
        tree_of(exif)
    except ImageError:
        return False
    return True


def of_resolution(dpi: tuple[float, float]) -> bytes:
    """Build an EXIF block that holds only a resolution."""
    return _block(Tree("<", resolution_fields(dpi, "<")), _HEADER_BYTES)


def resolution_fields(dpi: tuple[float, float], order: str) -> tuple[Field, ...]:
    """Return the tags of a resolution in dots per inch, (horizontal, vertical)."""
    ratios = (Fraction(value).limit_denominator(1000) for value in dpi)
    wide, high = (struct.pack(order + "II", *ratio.as_integer_ratio()) for ratio in ratios)
    return (
        Field(X_RESOLUTION, _RATIONAL, 1, wide),
        Field(Y_RESOLUTION, _RATIONAL, 1, high),
        Field(RESOLUTION_UNIT, _SHORT, 1, struct.pack(order + "H", _INCH)),
    )


def links_of(exif: bytes, tree: Tree) -> tuple[Field, ...]:
    """Return the links of a block to its directories, private ones too.

    Args:
        exif: the block.
        tree: its tags, as `tree_of` returns them.
    """
    tags = TagFile(Source(exif))
    first = tags.directory(tags.first)
    linked = [*(tag for tag, _ in tree.inner), *sorted(PRIVATE_LINKS & set(first.entries))]
    return tuple(
        Field(tag, _LONG, 1, struct.pack(tags.order + "I", tags.number(first, tag)))
        for tag in linked
    )


def damage(exif: bytes) -> list[str]:
    """List the tags of a block that cannot be read, as warnings for the image's row."""
    losses = Losses()
    try:
        tags = TagFile(Source(exif))
        read(tags, tags.directory(tags.first), PRIVATE_LINKS, losses)
    except ImageError:
        return ["dropped: EXIF data that cannot be written as TIFF tags"]
    return losses.warnings()


def _block(tree: Tree, position: int, before: bytes = b"") -> bytes:
    """Lay out a block whose first directory is at `position`; `before` lies in front of it."""
    mark = b"II" if tree.order == "<" else b"MM"
    length = len(serialised(laid_out(tree, 0)[1], 0, tree.order))
    below, fields = laid_out(tree, position + length)
    first = serialised(fields, position, tree.order)
    return mark + struct.pack(tree.order + "HI", 42, position) + before + first + below


def _around(tree: Tree, note: Field, place: int) -> bytes:
    """Lay out a block in which the maker note keeps its place."""
    stays = _unplaced(tree).with_field(note, *_NOTE_PATH)
    plain = _block(stays, _HEADER_BYTES)
    if len(plain) <= place:
        return plain.ljust(place, b"\0") + note.value
    before = bytes(place - _HEADER_BYTES) + note.value
    before += bytes(len(before) % 2)
    return _block(stays, _HEADER_BYTES + len(before), before)


def _unplaced(tree: Tree) -> Tree:
    return replace(
        tree,
        fields=tuple(field._replace(place=None) for field in tree.fields),
        inner=tuple((tag, _unplaced(linked)) for tag, linked in tree.inner),
    )
