"""Transparency of resized images: premultiplied colours, and the alpha plane by Lanczos."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sr_core.imaging.pixels import Pixels
from sr_core.imaging.resample import resize_lanczos
from sr_core.imaging.strips import map_strips

Alpha = NDArray[np.uint8] | NDArray[np.uint16]
"""Straight (not premultiplied) alpha, (H, W), full range of its dtype."""


def premultiply(pixels: Pixels, alpha: Alpha) -> NDArray[np.uint16]:
    """Weight colours by their opacity, so that invisible colours do not bleed when resized.

    Args:
        pixels: (H, W, C) uint8 or uint16.
        alpha: (H, W), same dtype.

    Returns:
        (H, W, C) uint16, also for uint8 pixels: 8 bits would lose colours of low opacity.
    """
    top = np.float32(65_535 / np.iinfo(pixels.dtype).max)

    def weighted(pixels: Pixels, alpha: Alpha) -> NDArray[np.float32]:
        share = alpha.astype(np.float32) / np.iinfo(alpha.dtype).max
        return np.rint(pixels.astype(np.float32) * top * share[..., None])

    return map_strips(weighted, pixels, alpha, dtype=np.uint16)


def unpremultiply(premultiplied: NDArray[np.uint16], alpha: Alpha) -> Pixels:
    """Undo `premultiply`; a pixel whose alpha is 0 has lost its colour and becomes 0.

    Shapes: (H, W, C) uint16, (H, W) alpha -> (H, W, C) of alpha's dtype.
    """
    top = int(np.iinfo(alpha.dtype).max)

    def divided(colours: NDArray[np.uint16], alpha: Alpha) -> NDArray[np.float32]:
        factor = np.zeros(alpha.shape, np.float32)
        np.divide(top * top / 65_535, alpha, out=factor, where=alpha > 0, dtype=np.float32)
        straight: NDArray[np.float32] = np.rint(colours.astype(np.float32) * factor[..., None])
        return np.minimum(straight, top)

    return map_strips(divided, premultiplied, alpha, dtype=alpha.dtype)


def resize_alpha(alpha: Alpha, height: int, width: int) -> Alpha:
    """Resize (H, W) to (height, width) by Lanczos with radius 3, rounded and clamped."""
    return resize_lanczos(alpha[:, :, None], height, width)[:, :, 0]
