"""HEIF: the items of a file, their properties, references and data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs.source import Chunk, Source, boxes

_MOST_BYTES = 8 << 20
"""Largest box of metadata that is read; 1,000 items need some 100 KiB."""
_MASK_15_BITS, _MASK_7_BITS = 0x7FFF, 0x7F
_IN_FILE, _IN_BOX = 0, 1  # construction methods of item data
_HIDDEN = 1


@dataclass(frozen=True, slots=True)
class Item:
    """An item: a coded picture, a picture derived from others, or metadata."""

    number: int
    kind: bytes
    """Type of four letters, such as hvc1, grid, Exif or mime."""
    content: bytes
    """MIME type of a mime item."""
    hidden: bool


@dataclass(frozen=True, slots=True)
class Reference:
    """A typed reference of one item to others, such as thmb, auxl, cdsc or dimg."""

    kind: bytes
    item: int
    targets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Property:
    """A property of an item: the type and the content of its box."""

    kind: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Items:
    """All items of a file.

    Source: ISO/IEC 14496-12, 8.11 (meta, iloc, iinf, iref, pitm, idat); ISO/IEC 23008-12, 9.3.
    """

    primary: int
    """Number of the item that viewers show."""
    all: dict[int, Item]
    references: tuple[Reference, ...]
    properties: dict[int, tuple[Property, ...]]
    """Properties by item, in the order in which they apply."""
    extents: dict[int, tuple[Chunk, ...]]
    """Pieces of each item's data: kind idat in `inline`, otherwise in the file."""
    inline: bytes
    """Data of items that the box of metadata holds itself."""

    def sources(self, kind: bytes, target: int) -> list[int]:
        """Return the items with a reference of some type to an item."""
        return [
            each.item for each in self.references if each.kind == kind and target in each.targets
        ]

    def targets(self, kind: bytes, item: int) -> list[int]:
        """Return the items that an item refers to."""
        found = (each.targets for each in self.references if (each.kind, each.item) == (kind, item))
        return [target for targets in found for target in targets]

    def bodies(self, item: int, kind: bytes) -> list[bytes]:
        """Return the contents of an item's properties of one type."""
        return [each.body for each in self.properties.get(item, ()) if each.kind == kind]

    def coded(self, item: int) -> list[int]:
        """Return the coded pictures that a picture is made of: its tiles, or itself."""
        found, waiting, seen = [], [item], set()
        while waiting:
            each = waiting.pop(0)
            if each not in seen:
                seen.add(each)
                parts = self.targets(b"dimg", each)
                waiting += parts
                found += [] if parts else [each]
        return found

    def size_bytes(self, item: int) -> int:
        """Return the size of a picture's data, that of its tiles included."""
        return sum(
            piece.length
            for part in {item, *self.coded(item)}
            for piece in self.extents.get(part, ())
        )

    def data(self, source: Source, item: int) -> bytes:
        """Return the data of an item.

        Raises: ImageError if the file ends before; NeedMoreBytes.
        """
        inline = Source(self.inline)
        return b"".join(
            (inline if piece.kind == b"idat" else source).take(piece.start, piece.length)
            for piece in self.extents.get(item, ())
        )


def read_items(source: Source) -> Items | None:
    """Read the items of a file; None if it has none, such as a film.

    Raises: ImageError if the box of metadata is damaged; NeedMoreBytes.
    """
    found = next((each for each in boxes(source) if each.kind == b"meta"), None)
    if found is None:
        return None
    if found.length > _MOST_BYTES:
        raise ImageError(ErrorClass.DECODE, f"a meta box of {found.length} bytes")
    meta = Source(source.take(found.start, found.length))
    parts = {each.kind: each for each in boxes(meta, 4)}
    if b"iinf" not in parts:
        return None
    idat = parts.get(b"idat", Chunk(b"idat", 0, 0))
    items = {each.number: each for each in _items(meta, parts[b"iinf"])}
    pitm = parts.get(b"pitm")
    primary = 0 if pitm is None else meta.number(pitm.start + 4, 4 if _version(meta, pitm) else 2)
    return Items(
        primary,
        items,
        tuple(_references(meta, parts[b"iref"]) if b"iref" in parts else ()),
        _properties(meta, parts[b"iprp"]) if b"iprp" in parts else {},
        dict(_extents(meta, parts[b"iloc"]) if b"iloc" in parts else ()),
        meta.take(idat.start, idat.length),
    )


def _version(meta: Source, box: Chunk) -> int:
    return meta.number(box.start, 1)


def _items(meta: Source, iinf: Chunk) -> Iterator[Item]:
    first = iinf.start + (8 if _version(meta, iinf) else 6)
    for box in boxes(meta, first, iinf.start + iinf.length):
        version = _version(meta, box)
        if box.kind != b"infe" or version < 2:
            continue
        wide = 4 if version > 2 else 2
        at = box.start + 4 + wide + 2  # behind the number and the protection
        rest = meta.take(at + 4, max(0, box.start + box.length - at - 4)).split(b"\0")
        yield Item(
            meta.number(box.start + 4, wide),
            meta.take(at, 4),
            rest[1] if len(rest) > 1 else b"",  # behind the item's name
            bool(meta.number(box.start + 3, 1) & _HIDDEN),
        )


def _references(meta: Source, iref: Chunk) -> Iterator[Reference]:
    wide = 4 if _version(meta, iref) else 2
    for box in boxes(meta, iref.start + 4, iref.start + iref.length):
        count = meta.number(box.start + wide, 2)
        first = box.start + wide + 2
        yield Reference(
            box.kind,
            meta.number(box.start, wide),
            tuple(meta.number(first + wide * index, wide) for index in range(count)),
        )


def _properties(meta: Source, iprp: Chunk) -> dict[int, tuple[Property, ...]]:
    inner = list(boxes(meta, iprp.start, iprp.start + iprp.length))
    store = next((each for each in inner if each.kind == b"ipco"), None)
    if store is None:
        return {}
    every = [
        Property(each.kind, meta.take(each.start, each.length))
        for each in boxes(meta, store.start, store.start + store.length)
    ]
    found: dict[int, tuple[Property, ...]] = {}
    for box in inner:
        if box.kind == b"ipma":
            for item, numbers in _associations(meta, box):
                used = (every[number - 1] for number in numbers if 0 < number <= len(every))
                found[item] = (*found.get(item, ()), *used)
    return found


def _associations(meta: Source, ipma: Chunk) -> Iterator[tuple[int, list[int]]]:
    """Yield items with the numbers, from 1, of their properties."""
    wide = meta.number(ipma.start + 3, 1) & 1
    id_bytes, step = (4 if _version(meta, ipma) else 2), (2 if wide else 1)
    mask = _MASK_15_BITS if wide else _MASK_7_BITS
    position = ipma.start + 8
    for _ in range(meta.number(ipma.start + 4, 4)):
        item = meta.number(position, id_bytes)
        count = meta.number(position + id_bytes, 1)
        position += id_bytes + 1
        yield item, [meta.number(position + step * at, step) & mask for at in range(count)]
        position += step * count


def _extents(meta: Source, iloc: Chunk) -> Iterator[tuple[int, tuple[Chunk, ...]]]:
    """Yield items with the pieces of their data; items built in another way have none."""
    version, sizes = _version(meta, iloc), meta.number(iloc.start + 4, 2)
    offset_bytes, length_bytes, base_bytes, index_bytes = (sizes >> at & 15 for at in (12, 8, 4, 0))
    wide, built = 4 if version == 2 else 2, version > 0
    index_bytes *= built
    position = iloc.start + 6 + wide
    for _ in range(meta.number(iloc.start + 6, wide)):
        item = meta.number(position, wide)
        method = meta.number(position + wide, 2) & 15 if built else _IN_FILE
        position += wide + 2 * built + 2
        base = meta.number(position, base_bytes)
        count = meta.number(position + base_bytes, 2)
        position += base_bytes + 2
        kind = b"idat" if method == _IN_BOX else b"file"
        pieces = []
        for _ in range(count):
            start = base + meta.number(position + index_bytes, offset_bytes)
            length = meta.number(position + index_bytes + offset_bytes, length_bytes)
            pieces.append(Chunk(kind, start, length))
            position += index_bytes + offset_bytes + length_bytes
        yield item, tuple(pieces) if method in (_IN_FILE, _IN_BOX) else ()
