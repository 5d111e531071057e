"""Windows of a picture's luma, few enough to be examined quickly."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sr_core.imaging.pixels import Pixels

Luma = NDArray[np.float32]
"""(H, W), 0 to 255 whatever the depth of the picture."""

WINDOW_PX = 320
"""Side of a window. Five of them show whatever a whole photograph shows, in 60 ms."""

_WEIGHTS = np.array((0.299, 0.587, 0.114), np.float32)
"""Full-range luma of BT.601, which JPEG codes."""


def luma_windows(pixels: Pixels) -> list[Luma]:
    """Return the centre of a picture and of its quarters; the whole picture if it is small.

    Args:
        pixels: (H, W, C) with C = 1 or 3, uint8 or uint16.
    """
    height, width = pixels.shape[:2]
    return [_luma(pixels[rows, columns]) for rows, columns in _places(height, width)]


def _places(height: int, width: int) -> Iterator[tuple[slice, slice]]:
    if height * width <= 5 * WINDOW_PX**2:
        yield slice(0, height), slice(0, width)
        return
    for down, across in ((2, 2), (1, 1), (1, 3), (3, 1), (3, 3)):
        yield _window(height * down // 4, height), _window(width * across // 4, width)


def _window(centre: int, length: int) -> slice:
    start = max(0, min(centre - WINDOW_PX // 2, length - WINDOW_PX))
    return slice(start, start + WINDOW_PX)


def _luma(pixels: Pixels) -> Luma:
    levels: Luma = pixels.astype(np.float32) * np.float32(255 / np.iinfo(pixels.dtype).max)
    luma: Luma = levels[..., 0] if levels.shape[2] == 1 else levels @ _WEIGHTS
    return luma
