"""Comparison of a GAN's output with that of its twin, the network trained for accuracy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sr_core.imaging.pixels import Pixels
from sr_core.metrics.trust.blocks import around
from sr_core.metrics.trust.planes import QUARTERS, quarters
from sr_core.metrics.trust.worst import Worst

BLOCK_PX = 8
"""Side of the blocks whose texture is compared, in output pixels."""
_SOFTENING = 4.0
"""Levels added to the sum of both deviations, so that flat areas agree."""


def twin_error(output: Pixels, twin: Pixels) -> Worst:
    """Find the 3x3 blocks whose texture departs the most from the twin's.

    Args:
        output: (H, W, C) uint8 or uint16, sides of at least 8 pixels.
        twin: the twin's output for the same pixels, same shape and dtype.

    Returns:
        0 for equal textures, up to 1; the spot is in pixels of `output`.

    Source: L. Xie et al., DeSRA, arXiv 2307.02457, section 3.1: the local standard deviations of
    both networks; here of blocks rather than of every window, and without segmentation.
    """
    own, other = _deviations(output), _deviations(twin)
    departure = np.abs(own - other) / (own + other + np.float32(_SOFTENING))
    mean = around(departure) / around(np.ones_like(departure))
    row, column = np.unravel_index(int(mean.argmax()), mean.shape)
    x_px, y_px = (int(each) * BLOCK_PX + BLOCK_PX // 2 for each in (column, row))
    return Worst(float(mean.max()), x_px, y_px)


def _deviations(pixels: Pixels) -> NDArray[np.float32]:
    """Return the standard deviation of luma in each whole block, in levels."""
    rows, columns = (side // BLOCK_PX for side in pixels.shape[:2])
    luma = quarters(pixels[: rows * BLOCK_PX, : columns * BLOCK_PX]).astype(np.float32)
    blocks = luma.reshape(rows, BLOCK_PX, columns, BLOCK_PX)
    return np.asarray(blocks.std(axis=(1, 3)) / np.float32(QUARTERS), np.float32)
