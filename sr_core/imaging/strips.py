"""Strip by strip: what treats each pixel by itself needs no second picture in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from sr_core import scratch

_STRIP_PX = 1 << 18
"""About how many pixels are held as floats at once."""


def map_strips(
    function: Callable[..., NDArray[Any]], *arrays: NDArray[Any], dtype: Any
) -> NDArray[Any]:
    """Apply a function to the same rows of arrays; the result, if large, is in a scratch file.

    Args:
        function: takes rows of each array, (h, W) or (h, W, C), and returns as many.
        arrays: of the same height and width.
        dtype: of the result; what the function returns is cast.

    Raises: ImageError with class out_of_memory where the disk has no room for the result.
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
