"""Measures of patterns: a grid of sub-pixels, and the blocks of JPEG."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sr_core.metrics.trust.maps import BLOCK_PX, PHASE_CELL_PX, STRIP_PX, Maps
from sr_core.metrics.trust.worst import Worst, at_block

Floats = NDArray[np.float64]
_JPEG_PX = 8
_JUMP_FLOOR = 0.05
"""Added to mean jumps, in levels, so that blank pages divide by no zero."""
_LEAST_LINES = 4
"""Lines on and off the JPEG grid that an axis must have."""


def grid(maps: Maps) -> Worst | None:
    """Compute the amplitude of the pattern that repeats with every source pixel, in levels."""
    if not maps.phases.size:
        return None
    amplitude = _amplitude(maps.phases)
    row, column = np.unravel_index(int(amplitude.argmax()), amplitude.shape)
    down, across = (row + 0.5) * STRIP_PX / BLOCK_PX, (column + 0.5) * PHASE_CELL_PX / BLOCK_PX
    return at_block(float(_amplitude(maps.phases.mean(axis=(0, 1)))), down, across, maps)


def blocking(maps: Maps) -> Worst | None:
    """Compute the ratio of the jumps at the lines of JPEG's grid to those half a block away.

    Lines that coincide with the grid of the source do not count.
    """
    scale = maps.size_out[1] / maps.size_in[1]
    ratios, places = [], []
    for jumps in maps.jumps:
        ratio, line = _grid_ratio(jumps, int(_JPEG_PX * scale))
        ratios.append(ratio)
        places.append(line)
    if None in ratios:
        return None
    value = max(ratio for ratio in ratios if ratio is not None)
    return Worst(value, places[0], places[1])


def _amplitude(phases: Floats) -> Floats:
    """Return the standard deviation over the phases, (..., p, p), without a plane through them."""
    period = phases.shape[-1]
    centred = phases - phases.mean(axis=(-2, -1), keepdims=True)
    steps = np.arange(period) - (period - 1) / 2
    across = (centred * steps).sum(axis=(-2, -1), keepdims=True)
    down = (centred * steps[:, None]).sum(axis=(-2, -1), keepdims=True)
    slope = period * (steps**2).sum()
    flat = centred - (across * steps + down * steps[:, None]) / slope
    return np.asarray(flat.std(axis=(-2, -1)))


def _grid_ratio(jumps: Floats, source_grid_px: int) -> tuple[float | None, int]:
    """Return the ratio of an axis, and the line of the grid with the largest jump."""
    lines = np.arange(1, len(jumps) + 1)
    measured = ~np.isnan(jumps)
    on = (lines % _JPEG_PX == 0) & (lines % source_grid_px != 0) & measured
    between = (lines % _JPEG_PX == _JPEG_PX // 2) & measured
    if min(on.sum(), between.sum()) < _LEAST_LINES:
        return None, 0
    ratio = float((jumps[on].mean() + _JUMP_FLOOR) / (jumps[between].mean() + _JUMP_FLOOR))
    return ratio, int(lines[on][jumps[on].argmax()])
