"""Tags as they are stored: read from a TIFF structure and laid out in another, values unchanged.

Source: TIFF 6.0, section 2; BigTIFF; EXIF 2.32, section 4.6.3 (links to directories).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs.tags.directory import Directory, Entry, TagFile, reversed_numbers
from sr_core.imaging.metadata import Losses

EXIF_DIRECTORY, GPS_DIRECTORY, INTEROPERABILITY = 0x8769, 0x8825, 0xA005
LINKS = frozenset({EXIF_DIRECTORY, GPS_DIRECTORY, INTEROPERABILITY})
"""Tags that link to directories, which are read."""
PRIVATE_LINKS = frozenset({0x190, 0x8290, 0x888A, 0xFE00})
"""Tags that link to directories of other kinds: fax profiles, Kodak's, Leaf's, Kodak's raw files'.

Source: ExifTool's Exif.pm (entries with a SubDirectory of IFD layout).
"""
_SHORT_FORM = {16: (4, "Q", "I"), 17: (9, "q", "i")}
"""Types of BigTIFF: the classic type, and the struct letters of both."""
_IFD, _IFD8, _LONG, _LONG8 = 13, 18, 4, 16


Order = Literal["<", ">"]


class Field(NamedTuple):
    """One tag and its values, in the byte order of the structure."""

    tag: int
    kind: int
    number: int
    """Number of values."""
    value: bytes
    place: int | None = None
    """Position of the values in the file that the directory is for, if they are there already."""


@dataclass(frozen=True, slots=True)
class Tree:
    """The tags of a directory, and the directories that it links to, by tag."""

    order: Order
    """Byte order."""
    fields: tuple[Field, ...]
    inner: tuple[tuple[int, Tree], ...] = ()

    def tag(self, *path: int) -> Field | None:
        """Return the field of a path, such as (EXIF_DIRECTORY, 0x927C); None if missing."""
        if len(path) == 1:
            return next((field for field in self.fields if field.tag == path[0]), None)
        return next((tree.tag(*path[1:]) for tag, tree in self.inner if tag == path[0]), None)

    def in_order(self, order: Order) -> Tree:
        """Return the same numbers in a byte order; bytes and text stay as they are."""
        if self.order == order:
            return self
        fields = tuple(
            field._replace(value=reversed_numbers(field.value, field.kind)) for field in self.fields
        )
        return Tree(order, fields, tuple((tag, tree.in_order(order)) for tag, tree in self.inner))

    def with_field(self, field: Field | None, *path: int) -> Tree:
        """Replace the field of a path; None removes it."""
        if len(path) == 1:
            others = [each for each in self.fields if each.tag != path[0]]
            return replace(self, fields=tuple(others if field is None else [*others, field]))
        inner = tuple(
            (tag, tree.with_field(field, *path[1:]) if tag == path[0] else tree)
            for tag, tree in self.inner
        )
        return replace(self, inner=inner)


def read(
    tags: TagFile,
    directory: Directory,
    left_out: frozenset[int],
    losses: Losses,
    above: tuple[int, ...] = (),
) -> Tree:
    """Read the tags of a directory, and of the EXIF, GPS and interoperability directories in it.

    Args:
        tags: the structure.
        directory: a directory of it.
        left_out: tags of this directory to ignore.
        losses: receives the tags that cannot be read or moved.
        above: positions of the directories that link to this one; a link back is damage.

    Raises: NeedMoreBytes.
    """
    for again in directory.repeated:
        losses.add(f"second value of tag {again.tag}", again.length)
    fields, inner = [], []
    path = (*above, directory.position)
    for tag in sorted(set(directory.entries) - left_out):
        entry = directory.entries[tag]
        try:
            if tag in LINKS:
                linked = tags.directory(below(tags, directory, tag, path))
                inner.append((tag, read(tags, linked, frozenset(), losses, path)))
            elif (field := _field(tags, entry)) is not None:
                fields.append(field)
            else:
                losses.add(f"tag {tag}, which refers to other places of the file", entry.length)
        except ImageError:
            losses.add(f"tag {tag}, which is damaged or too long", entry.length)
    return Tree("<" if tags.order == "<" else ">", tuple(fields), tuple(inner))


def below(tags: TagFile, directory: Directory, tag: int, path: tuple[int, ...]) -> int:
    """Return the position of the directory that a tag links to.

    Raises: ImageError if it is one of the directories on the path to the tag.
    """
    position = tags.number(directory, tag)
    if position in path:
        raise ImageError(ErrorClass.DECODE, f"tag {tag} links back to a directory above it")
    return position


def laid_out(tree: Tree, position: int, *, big: bool = False) -> tuple[bytes, tuple[Field, ...]]:
    """Lay out the linked directories of a tree; return them and the fields of the tree itself.

    Args:
        tree: the tags.
        position: position of the result in the file, even.
        big: True for BigTIFF.
    """
    body = bytearray()
    links = []
    for tag, linked in tree.inner:
        below, fields = laid_out(linked, position + len(body), big=big)
        body += below
        kind, letter = (_LONG8, "Q") if big else (_LONG, "I")
        links.append(Field(tag, kind, 1, struct.pack(tree.order + letter, position + len(body))))
        body += serialised(fields, position + len(body), tree.order, big=big)
    return bytes(body), (*tree.fields, *links)


def serialised(
    fields: Iterable[Field], position: int, order: str, *, big: bool = False, following: int = 0
) -> bytes:
    """Return a directory and the values that do not fit into its entries; its length is even.

    Args:
        fields: the tags, in any order.
        position: position of the directory in the file, even.
        order: byte order, "<" or ">".
        big: True for BigTIFF.
        following: position of the next directory; 0 if this is the last one.
    """
    chosen = sorted(fields, key=lambda field: field.tag)
    count, cell, word = ("Q", "Q", 8) if big else ("H", "I", 4)
    head = bytearray(struct.pack(order + count, len(chosen)))
    start = position + len(head) + len(chosen) * (4 + 2 * word) + word
    values = bytearray()
    for field in chosen:
        head += struct.pack(order + "HH" + cell, field.tag, field.kind, field.number)
        if len(field.value) <= word:
            head += field.value.ljust(word, b"\0")
        elif field.place is not None:
            head += struct.pack(order + cell, field.place)
        else:
            head += struct.pack(order + cell, start + len(values))
            values += field.value + bytes(len(field.value) % 2)
    head += struct.pack(order + cell, following)
    return bytes(head + values)


def link_position(position: int, count: int, *, big: bool) -> int:
    """Return the position of the link to the next directory, of a directory of `count` tags."""
    return position + (8 + 20 * count if big else 2 + 12 * count)


def _field(tags: TagFile, entry: Entry) -> Field | None:
    """Return a tag in the form of a classic TIFF; None if it is a link, or has no such form."""
    value = tags.value(entry)
    if entry.type in (_IFD, _IFD8) or entry.tag in PRIVATE_LINKS:
        return None
    if entry.type not in _SHORT_FORM:
        return Field(entry.tag, entry.type, entry.number, value, entry.start)
    kind, long, short = _SHORT_FORM[entry.type]
    numbers = struct.unpack(f"{tags.order}{entry.number}{long}", value)
    try:
        packed = struct.pack(f"{tags.order}{entry.number}{short}", *numbers)
    except struct.error:
        return None
    return Field(entry.tag, kind, entry.number, packed, entry.start)
