"""The clean aperture of AVIF and HEIF: the part of a picture that is shown."""

from __future__ import annotations

import math
from fractions import Fraction

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.pixels import Box


def clean_aperture(body: bytes, width: int, height: int) -> Box:
    """Return the part that a `clap` property leaves, rounded to whole pixels as libheif rounds it.

    Args:
        body: content of the property.
        width: width of the stored picture.
        height: height of the stored picture.

    Raises: ImageError if the property is damaged, or leaves nothing.
    Source: ISO/IEC 14496-12, 12.1.4.
    """
    numbers = [int.from_bytes(body[at : at + 4], "big", signed=True) for at in range(0, 32, 4)]
    if len(body) < 32 or min(numbers[1::2]) < 1:
        raise ImageError(ErrorClass.DECODE, "the crop of the picture is damaged")
    wide, high, right, down = map(Fraction, numbers[0::2], numbers[1::2])
    first_column, columns = _span(wide, right, width)
    first_row, rows = _span(high, down, height)
    if min(columns, rows) < 1:
        raise ImageError(ErrorClass.DECODE, "the crop of the picture leaves nothing of it")
    return first_row, first_row + rows, first_column, first_column + columns


def _span(clean: Fraction, offset: Fraction, side: int) -> tuple[int, int]:
    """Return the first pixel of a side, and the number of pixels."""
    start = offset + Fraction(side - 1, 2) - (clean - 1) / 2
    first = max(0, math.floor(start))
    last = min(side - 1, math.floor(start + clean - 1 + Fraction(1, 2)))
    return first, last - first + 1
