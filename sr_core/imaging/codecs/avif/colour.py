"""AVIF: the colour code points and the crop of the picture."""

from __future__ import annotations

from collections.abc import Iterator

from sr_core.errors import ImageError
from sr_core.imaging.codecs.aperture import clean_aperture
from sr_core.imaging.codecs.avif import sequence as av1_sequence
from sr_core.imaging.codecs.source import Chunk, Source, boxes
from sr_core.imaging.colour import CodePoints
from sr_core.imaging.pixels import Box

_SEQUENCE_BYTES = 256  # more than a temporal delimiter and a sequence header have
_MASK_15_BITS, _MASK_7_BITS = 0x7FFF, 0x7F


def code_points(source: Source) -> CodePoints | None:
    """Return the code points of the primary item; None if neither box states them.

    Its nclx property counts before its sequence header.

    Raises: ImageError, NeedMoreBytes.
    Source: ISO/IEC 14496-12, 8.11.4 (pitm) and 12.1.5 (colr); ISO/IEC 23008-12, 9.3 (ipma).
    """
    item, parts = _primary(source)
    if item is None:
        return None
    for each in _properties(source, parts[b"iprp"], item):
        if each.kind == b"colr" and source.take(each.start, 4) == b"nclx":
            return CodePoints(
                source.number(each.start + 4, 2),
                source.number(each.start + 6, 2),
            )  # the range is that of YUV: decoders return RGB of full range
    start, length = _extent(source, parts[b"iloc"], item) if b"iloc" in parts else (0, 0)
    return av1_sequence.code_points(source.take(start, min(length, _SEQUENCE_BYTES)))


def crop(source: Source, width: int, height: int) -> Box | None:
    """Return the part of the stored picture that is shown; None for all of it.

    A crop that is damaged or leaves nothing is ignored, as libavif ignores it.
    """
    item, parts = _primary(source)
    if item is None:
        return None
    for each in _properties(source, parts[b"iprp"], item):
        if each.kind == b"clap":
            try:
                found = clean_aperture(source.take(each.start, each.length), width, height)
            except ImageError:
                return None
            return None if found == (0, height, 0, width) else found
    return None


def _primary(source: Source) -> tuple[int | None, dict[bytes, Chunk]]:
    """Return the primary item, None if there is none, and the boxes of the metadata."""
    meta = next((each for each in boxes(source) if each.kind == b"meta"), None)
    if meta is None:
        return None, {}
    parts = {each.kind: each for each in boxes(source, meta.start + 4, meta.start + meta.length)}
    if b"pitm" not in parts or b"iprp" not in parts:
        return None, parts
    primary = parts[b"pitm"]
    wide = source.number(primary.start, 1)
    return source.number(primary.start + 4, 4 if wide else 2), parts


def has_gain_map(source: Source) -> bool:
    """Return True if an item derives a picture of high dynamic range by a gain map.

    Source: ISO/IEC 23008-12:2022/Amd 1 (tmap); ISO/IEC 14496-12, 8.11.6 (iinf).
    """
    for meta in boxes(source):
        if meta.kind != b"meta":
            continue
        for part in boxes(source, meta.start + 4, meta.start + meta.length):
            if part.kind == b"iinf":
                wide = source.number(part.start, 1) > 0
                first = part.start + (8 if wide else 6)
                return any(
                    b"tmap" in source.take(item.start, min(item.length, 14))
                    for item in boxes(source, first, part.start + part.length)
                )
    return False


def _extent(source: Source, iloc: Chunk, item: int) -> tuple[int, int]:
    """Return position and length of an item's first piece in the file; (0, 0) if it has none.

    Source: ISO/IEC 14496-12, 8.11.3.
    """
    version, sizes = source.number(iloc.start, 1), source.number(iloc.start + 4, 2)
    offset_bytes, length_bytes, base_bytes, index_bytes = (sizes >> at & 15 for at in (12, 8, 4, 0))
    wide, constructed = 4 if version == 2 else 2, version > 0
    index_bytes *= constructed
    position = iloc.start + 6 + wide
    for _ in range(source.number(iloc.start + 6, wide)):
        found = source.number(position, wide)
        method = source.number(position + wide, 2) & 15 if constructed else 0
        position += wide + 2 * constructed + 2
        base = source.number(position, base_bytes)
        count = source.number(position + base_bytes, 2)
        position += base_bytes + 2
        if found == item and method == 0 and count:
            start = base + source.number(position + index_bytes, offset_bytes)
            return start, source.number(position + index_bytes + offset_bytes, length_bytes)
        position += count * (index_bytes + offset_bytes + length_bytes)
    return 0, 0


def _properties(source: Source, iprp: Chunk, item: int) -> Iterator[Chunk]:
    """Yield the properties that are associated with an item."""
    inner = list(boxes(source, iprp.start, iprp.start + iprp.length))
    store = next((each for each in inner if each.kind == b"ipco"), None)
    if store is None:
        return
    properties = list(boxes(source, store.start, store.start + store.length))
    for box in inner:
        if box.kind == b"ipma":
            for index in _associations(source, box, item):
                if 0 < index <= len(properties):
                    yield properties[index - 1]


def _associations(source: Source, ipma: Chunk, item: int) -> Iterator[int]:
    """Yield the numbers, from 1, of the properties of an item in one ItemPropertyAssociation."""
    version, wide = source.number(ipma.start, 1), source.number(ipma.start + 3, 1) & 1
    id_bytes, step = (4 if version else 2), (2 if wide else 1)
    mask = _MASK_15_BITS if wide else _MASK_7_BITS
    position = ipma.start + 8
    for _ in range(source.number(ipma.start + 4, 4)):
        found = source.number(position, id_bytes)
        count = source.number(position + id_bytes, 1)
        position += id_bytes + 1
        if found == item:
            for index in range(count):
                yield source.number(position + step * index, step) & mask
        position += step * count
