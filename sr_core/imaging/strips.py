"""Per-pixel functions applied strip by strip, so that no second copy of an image is in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import DTypeLike, NDArray

from sr_core import scratch

_STRIP_PX = 1 << 18
"""Approximate number of pixels held as floats at once."""


def map_strips(
    function: Callable[..., NDArray[Any]], *arrays: NDArray[Any], dtype: DTypeLike
) -> NDArray[Any]:
    """Apply a function to arrays strip by strip; a large result lives in a scratch file.

    Args:
        function: maps the same rows of each array, (h, W) or (h, W, C), to as many rows.
        arrays: arrays of equal height and width.
        dtype: dtype of the result; the function's values are cast to it.

    Raises: ImageError with class out_of_memory if the disk has no room for the result.
    """
    height, width = arrays[0].shape[:2]
    step = max(1, _STRIP_PX // max(1, width))
    first = function(*(array[:step] for array in arrays))
    found = scratch.empty((height, *first.shape[1:]), dtype)
    found[:step] = first
    for start in range(step, height, step):
        rows = slice(start, start + step)
        found[rows] = function(*(array[rows] for array in arrays))
    return found
