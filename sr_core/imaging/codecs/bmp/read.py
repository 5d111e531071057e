"""BMP: reading of header, metadata and pixels, also of files that end early."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from sr_core import scratch
from sr_core.imaging.codecs.bmp import colour as bmp_colour
from sr_core.imaging.codecs.bmp.header import BITFIELDS, RGB, RLE24, BmpHeader, read_header
from sr_core.imaging.codecs.bmp.rle import expand
from sr_core.imaging.codecs.formats import Header
from sr_core.imaging.codecs.raster import Damage, Raster
from sr_core.imaging.codecs.source import METRES_PER_INCH, Source
from sr_core.imaging.colour import ColourFacts
from sr_core.imaging.metadata import Metadata
from sr_core.imaging.pixels import Pixels
from sr_core.scratch import Blob

_STRIP_PX = 1 << 20


def header(source: Source) -> Header:
    """Read size and mode.

    Raises: ImageError, NeedMoreBytes.
    """
    found = read_header(source)
    if found.depth > 8:
        deep = found.deep
        mode = ("RGBA" if found.masks[3] else "RGB") + (";16" if deep else "")
        return Header("BMP", mode, found.width, found.height, bit_depth=16 if deep else 8)
    grey = _is_grey(_palette(source, found))
    mode = ("1" if found.depth == 1 else "L") if grey else "P"
    return Header("BMP", mode, found.width, found.height)


def metadata(source: Source, notes: list[str]) -> Metadata:  # noqa: ARG001 - as all formats
    """Return the resolution."""
    across, down = read_header(source).dots_per_metre
    if across <= 0 or down <= 0:
        return Metadata()
    return Metadata(dpi=(across * METRES_PER_INCH, down * METRES_PER_INCH))


def colours(source: Source, notes: list[str]) -> list[ColourFacts]:
    """Return the profile or calibration of the header."""
    return [bmp_colour.facts(source, notes)]


def rasters(data: Blob, header: Header) -> list[Raster]:
    """Decode the pixels. Alpha that is 0 everywhere is taken for none, as browsers do."""
    found = read_header(Source(data))
    rows: Pixels
    if found.compression in (RGB, BITFIELDS) or found.depth in (16, 32):
        rows, known = _stored(data, found)
    else:
        rows, known = expand(data, found.pixels, found.width, found.height, found.depth)
        if found.compression == RLE24:
            rows = rows[:, :, ::-1]
    if found.depth <= 8:
        table = _palette(Source(data), found)
        table = table[:, :1] if header.mode in ("1", "L") else table
        rows = np.take(table, rows, axis=0)
    warnings: tuple[str, ...] = ()
    if header.mode.startswith("RGBA") and not rows[:known, :, 3].any():
        rows = rows[:, :, :3]
        warnings = ("transparency that is complete everywhere was ignored",)
    damage = None
    if known < found.height:
        rest = (known, found.height) if found.top_down else (0, found.height - known)
        damage = Damage("the BMP ends before its last row", ((*rest, 0, found.width),))
    samples = rows if found.top_down else rows[::-1]
    return [Raster(samples, "grey" if samples.shape[2] == 1 else "rgb", 1, warnings, damage)]


def _is_grey(table: NDArray[np.uint8]) -> bool:
    return bool((table == table[:, :1]).all())


def _palette(source: Source, found: BmpHeader) -> NDArray[np.uint8]:
    """Return (2 ** depth, 3) RGB; colours that are missing are black."""
    start, count, size = found.palette
    count = max(0, min(count, (source.size - start) // size))
    entries = np.frombuffer(source.take(start, count * size), np.uint8).reshape(count, size)
    table = np.zeros((1 << found.depth, 3), np.uint8)
    table[:count] = entries[:, 2::-1]
    return table


def _stored(data: Blob, found: BmpHeader) -> tuple[Pixels, int]:
    """Unpack rows that are not compressed, in the order of the file; return how many there are."""
    known = max(0, min(found.height, (len(data) - found.pixels) // found.stride))
    last = found.height - 1
    if known == last:  # some writers leave out the padding of the last row
        used = (found.width * found.depth + 7) // 8
        known += found.pixels + last * found.stride + used <= len(data)
    channels = 4 if found.masks[3] else 3
    deep = found.deep
    shape = (found.height, found.width, *((channels,) if found.depth > 8 else ()))
    rows = scratch.empty(shape, np.uint16 if deep else np.uint8)
    step = max(1, _STRIP_PX // found.width)
    for first in range(0, known, step):
        count = min(step, known - first)
        start = found.pixels + first * found.stride
        part = data[start : start + count * found.stride].ljust(count * found.stride, b"\0")
        packed = np.frombuffer(part, np.uint8).reshape(count, found.stride)
        rows[first : first + count] = _unpacked(packed, found, channels, deep=deep)
    rows[known:] = 0
    return rows, known


def _unpacked(packed: NDArray[np.uint8], found: BmpHeader, channels: int, *, deep: bool) -> Pixels:
    """Unpack rows of bytes to indices, (H, W), or samples, (H, W, 3 | 4)."""
    width, depth = found.width, found.depth
    if depth <= 8:
        shifts = np.arange(8 - depth, -1, -depth, dtype=np.uint8)
        bits = packed[:, :, None] >> shifts & np.uint8((1 << depth) - 1)
        return cast("Pixels", bits.reshape(len(packed), -1)[:, :width])
    if depth == 24:
        triples = packed[:, : 3 * width].reshape(len(packed), width, 3).astype(np.uint32)
        values: NDArray[np.uint32] = (triples << np.array([0, 8, 16], np.uint32)).sum(2, np.uint32)
    else:
        words = np.ascontiguousarray(packed[:, : width * depth // 8])
        values = words.view("<u2" if depth == 16 else "<u4").astype(np.uint32)
    top = 65_535 if deep else 255
    parts = [_scaled(values, mask, top) for mask in found.masks[:channels]]
    return cast("Pixels", np.stack(parts, axis=2).astype(np.uint16 if deep else np.uint8))


def _scaled(values: NDArray[np.uint32], mask: int, top: int) -> NDArray[np.uint32]:
    """Extract the bits of a mask and scale them to 0..top."""
    if not mask:
        return np.zeros_like(values)
    shift = (mask & -mask).bit_length() - 1
    have = mask >> shift
    found = (values & np.uint32(mask)) >> np.uint32(shift)
    if have == top:
        return found
    scaled = (found.astype(np.uint64) * top + have // 2) // have
    return scaled.astype(np.uint32)
