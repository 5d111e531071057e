"""Transparency while an image is resized: premultiplied colour, and the alpha plane by Lanczos."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sr_core import scratch
from sr_core.imaging.pixels import Pixels
from sr_core.imaging.resample import resize_lanczos

_STRIP_PX = 1 << 18
"""About how many pixels are held as floats at once."""

Alpha = NDArray[np.uint8] | NDArray[np.uint16]
"""(H, W), full range of its dtype; straight, not premultiplied."""


def premultiply(pixels: Pixels, alpha: Alpha) -> NDArray[np.uint16]:
    """Weight colours by their opacity, so that invisible colours do not bleed when resized.

    Args:
        pixels: (H, W, C) uint8 or uint16.
        alpha: (H, W) of the same dtype.

    Returns:
        (H, W, C) uint16: the finer steps keep colours of low opacity recoverable.
    """
    top = np.float32(65_535 / np.iinfo(pixels.dtype).max)
    found = scratch.empty(pixels.shape, np.uint16)
    for rows in _strips(alpha):
        share = alpha[rows].astype(np.float32) / np.iinfo(alpha.dtype).max
        found[rows] = np.rint(pixels[rows].astype(np.float32) * top * share[..., None])
    return found


def unpremultiply(premultiplied: NDArray[np.uint16], alpha: Alpha) -> Pixels:
    """Undo `premultiply`: (H, W, C) uint16 with (H, W) alpha -> (H, W, C) in alpha's dtype.

    Where alpha is zero the colour is unknown and becomes zero.
    """
    top = int(np.iinfo(alpha.dtype).max)
    found: Pixels = scratch.empty(premultiplied.shape, alpha.dtype)
    for rows in _strips(alpha):
        part = alpha[rows]
        factor = np.zeros(part.shape, np.float32)
        np.divide(top * top / 65_535, part, out=factor, where=part > 0, dtype=np.float32)
        colours = np.rint(premultiplied[rows].astype(np.float32) * factor[..., None])
        found[rows] = np.minimum(colours, top)
    return found


def resize_alpha(alpha: Alpha, height: int, width: int) -> Alpha:
    """Resize (H, W) to (height, width) by Lanczos with a radius of 3, rounded and clamped."""
    return resize_lanczos(alpha[:, :, None], height, width)[:, :, 0]


def _strips(alpha: Alpha) -> Iterator[slice]:
    height, width = alpha.shape
    step = max(1, _STRIP_PX // width)
    return (slice(start, start + step) for start in range(0, height, step))
