"""BMP: the information header, of Windows versions 1 to 5 and of OS/2.

Source: BITMAPCOREHEADER, BITMAPINFOHEADER, BITMAPV4HEADER and BITMAPV5HEADER of the Windows API;
OS/2 2.0 Bitmap File Format.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs.source import Source

INFO = 14
"""Position of the information header."""
RGB, RLE8, RLE4, BITFIELDS, _JPEG, _PNG, _ALPHA_BITFIELDS = range(7)
RLE24 = -1
"""Own number for the compression that OS/2 numbers 4."""
_CORE_BYTES, _OS2_BYTES = 12, (16, 64)
_MASKS_FROM = 52
"""Size of the first header that contains the masks; after smaller ones they follow."""
_DEPTHS = frozenset({1, 2, 4, 8, 16, 24, 32})
_USUAL_MASKS = {16: (0x7C00, 0x3E0, 0x1F, 0), 24: (0xFF0000, 0xFF00, 0xFF, 0)}
_USUAL_MASKS[32] = _USUAL_MASKS[24]


class BmpHeader(NamedTuple):
    """Layout of the pixels."""

    width: int
    height: int
    top_down: bool
    depth: int
    """Bits per pixel."""
    compression: int
    masks: tuple[int, int, int, int]
    """Bits of red, green, blue and alpha; alpha 0 if there is none."""
    palette: tuple[int, int, int]
    """Position, number of colours, and bytes of each."""
    pixels: int
    """Position of the pixels."""
    dots_per_metre: tuple[int, int]

    @property
    def deep(self) -> bool:
        """True if a channel has more than 8 bits."""
        return max(mask.bit_count() for mask in self.masks) > 8

    @property
    def stride(self) -> int:
        """Bytes of a row that is not compressed."""
        return (self.width * self.depth + 31) // 32 * 4


def read_header(source: Source) -> BmpHeader:
    """Read the header.

    Raises: ImageError, NeedMoreBytes.
    """
    size = source.number(INFO, 4, "little")
    start = source.number(10, 4, "little")
    if size == _CORE_BYTES:
        width, height, _, depth = struct.unpack("<HHHH", source.take(INFO + 4, 8))
        compression = used = dpm_x = dpm_y = 0
    else:
        head = source.take(INFO + 4, min(size, 40) - 4).ljust(36, b"\0")
        fields = struct.unpack("<iiHHIIiiII", head)
        width, height, _, depth, compression, _, dpm_x, dpm_y, used, _ = fields
    if size in _OS2_BYTES and compression == _JPEG and depth == 24:
        compression = RLE24
    _check(width, height, depth, compression, os2=size in _OS2_BYTES)
    masks, after = _masks(source, size, depth, compression)
    entry = 3 if size == _CORE_BYTES else 4
    colours = used if 0 < used <= 256 else 1 << depth
    colours = min(colours, 1 << depth) if depth <= 8 else 0
    room = (start - after) // entry
    if depth <= 8 and 0 < room < colours:  # as viewers do, the pixels begin where they begin
        colours = room
    if start < after:
        start = after + colours * entry
    return BmpHeader(
        width,
        abs(height),
        height < 0,
        depth,
        compression,
        masks,
        (after, colours, entry),
        start,
        (dpm_x, dpm_y),
    )


def _check(width: int, height: int, depth: int, compression: int, *, os2: bool) -> None:
    if width < 1 or height == 0:
        raise ImageError(ErrorClass.DECODE, f"a BMP of {width}x{abs(height)} px")
    depths = {RLE8: {8}, RLE4: {4}, RLE24: {24}, BITFIELDS: {16, 24, 32}}
    depths |= {RGB: set(_DEPTHS), _ALPHA_BITFIELDS: {16, 32}}
    if compression in (_JPEG, _PNG) and not os2:
        kind = "JPEG" if compression == _JPEG else "PNG"
        raise ImageError(ErrorClass.UNSUPPORTED_MODE, f"BMP that holds a {kind}")
    if (os2 and compression == BITFIELDS) or compression not in depths:
        raise ImageError(ErrorClass.UNSUPPORTED_MODE, f"BMP of compression {compression}")
    if depth not in depths[compression]:
        raise ImageError(
            ErrorClass.DECODE, f"a BMP of {depth} bits per pixel and compression {compression}"
        )


def _masks(
    source: Source, size: int, depth: int, compression: int
) -> tuple[tuple[int, int, int, int], int]:
    """Return the masks, and the position after the header and them."""
    after = INFO + size
    if compression not in (BITFIELDS, _ALPHA_BITFIELDS):
        return _USUAL_MASKS.get(depth, (0, 0, 0, 0)), after
    if size >= _MASKS_FROM:
        count = 4 if size >= _MASKS_FROM + 4 else 3
    else:
        count = 4 if compression == _ALPHA_BITFIELDS else 3
        after += 4 * count
    values = struct.unpack(f"<{count}I", source.take(INFO + 40, 4 * count))
    red, green, blue, alpha = (*values, 0)[:4]
    if not red | green | blue:
        return _USUAL_MASKS[depth], after
    return (red, green, blue, alpha), after
