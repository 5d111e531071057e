"""Transparency while an image is resized: premultiplied colour, and the alpha plane by Lanczos."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sr_core.imaging.pixels import Pixels
from sr_core.imaging.resample import resize_lanczos
from sr_core.imaging.strips import map_strips

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

    def weighted(pixels: Pixels, alpha: Alpha) -> NDArray[np.float32]:
        share = alpha.astype(np.float32) / np.iinfo(alpha.dtype).max
        return np.rint(pixels.astype(np.float32) * top * share[..., None])

    return map_strips(weighted, pixels, alpha, dtype=np.uint16)


def unpremultiply(premultiplied: NDArray[np.uint16], alpha: Alpha) -> Pixels:
    """Undo `premultiply`: (H, W, C) uint16 with (H, W) alpha -> (H, W, C) in alpha's dtype.

    Where alpha is zero the colour is unknown and becomes zero.
    """
    top = int(np.iinfo(alpha.dtype).max)

    def divided(colours: NDArray[np.uint16], alpha: Alpha) -> NDArray[np.float32]:
        factor = np.zeros(alpha.shape, np.float32)
        np.divide(top * top / 65_535, alpha, out=factor, where=alpha > 0, dtype=np.float32)
        straight: NDArray[np.float32] = np.rint(colours.astype(np.float32) * factor[..., None])
        return np.minimum(straight, top)

    return map_strips(divided, premultiplied, alpha, dtype=alpha.dtype)


def resize_alpha(alpha: Alpha, height: int, width: int) -> Alpha:
    """Resize (H, W) to (height, width) by Lanczos with a radius of 3, rounded and clamped."""
    return resize_lanczos(alpha[:, :, None], height, width)[:, :, 0]
