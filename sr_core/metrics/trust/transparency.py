"""Transparency: alpha of the output against that of the source."""

from __future__ import annotations

import numpy as np

from sr_core.imaging.pixels import Pixels
from sr_core.metrics.trust.worst import Worst

_BLOCK_PX = 8


def alpha_error(source: Pixels, shrunk: Pixels, size_out: tuple[int, int]) -> Worst:
    """Find the block of 8x8 source pixels whose alpha differs the most.

    Args:
        source: alpha, (h, w) uint8 or uint16.
        shrunk: the output's alpha at the source's size, same dtype.
        size_out: height and width of the output.
    """
    unit = 255 / np.iinfo(source.dtype).max
    rows, columns = (np.arange(0, side, _BLOCK_PX) for side in source.shape)
    difference = np.abs(np.subtract(shrunk, source, dtype=np.float32))
    sums = np.add.reduceat(np.add.reduceat(difference, rows, axis=0), columns, axis=1)
    counts = np.outer(
        np.diff(rows, append=source.shape[0]), np.diff(columns, append=source.shape[1])
    )
    means = sums / counts * unit
    row, column = np.unravel_index(int(means.argmax()), means.shape)
    y_px, x_px = (
        min(int((block + 0.5) * _BLOCK_PX * out / given), out - 1)
        for block, given, out in zip((row, column), source.shape, size_out, strict=True)
    )
    return Worst(float(means.max()), x_px, y_px)
