"""Measures of regions: displacement, casts, and steps from one part of a picture to another."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sr_core.metrics.trust.blocks import around
from sr_core.metrics.trust.maps import Map, Maps
from sr_core.metrics.trust.worst import Worst, at_block

Floats = NDArray[np.float64]
_PARTS = 4
"""Bands across and down, beside the halves, the quadrants and the whole."""
_LEAST_PX = 256
"""Source pixels of the smallest region whose displacement is measured."""
_NOISE = 2.0
"""Squared gradient, in levels per pixel, that a displacement has to be seen against."""
_STEP_BLOCKS = 4
"""Blocks on each side of a step: 16 source pixels."""
_FLATNESS = 20.0
"""Added to the variance whose inverse weighs a block: flat ones show small differences best."""


@dataclass(frozen=True, slots=True)
class Region:
    """Blocks [top, bottom) and [left, right)."""

    top: int
    bottom: int
    left: int
    right: int

    def of(self, map_: NDArray[np.generic]) -> NDArray[np.generic]:
        """Cut the region out of a map."""
        return map_[self.top : self.bottom, self.left : self.right]

    def worst(self, value: float, maps: Maps) -> Worst:
        """Place a value at the region's centre."""
        return at_block(value, (self.top + self.bottom) / 2, (self.left + self.right) / 2, maps)


def regions(height: int, width: int) -> list[Region]:
    """Return the whole, halves, quadrants and quarter bands of a map."""
    down = [(0, height), *_bands(height, 2)]
    across = [(0, width), *_bands(width, 2)]
    found = [Region(*rows, *columns) for rows in down for columns in across]
    found += [Region(*rows, 0, width) for rows in _bands(height, _PARTS)]
    return found + [Region(0, height, *columns) for columns in _bands(width, _PARTS)]


def shift(maps: Maps) -> Worst | None:
    """Find the region that is displaced the most, by least squares, in output pixels.

    The difference of a displaced picture is its gradient times the displacement.
    """
    scale = maps.size_out[1] / maps.size_in[1]
    found = [
        region.worst(scale * float(np.hypot(*_displacement(region, maps))), maps)
        for region in regions(*maps.count.shape)
        if region.of(maps.count).sum() >= _LEAST_PX
    ]
    return max(found, key=lambda each: each.value, default=None)


def cast(maps: Maps) -> Worst:
    """Find the region and the channel whose mean differs the most from the source."""
    weight = _weight(maps)
    counts = maps.count * weight
    weighted = maps.difference * weight[..., None]
    return max(
        (
            region.worst(float(np.abs(_mean(region, weighted, counts)).max()), maps)
            for region in regions(*maps.count.shape)
        ),
        key=lambda each: each.value,
    )


def step(maps: Maps) -> Worst | None:
    """Find the straight line across the picture where the difference from the source jumps most."""
    weight = _weight(maps)
    change = maps.difference.mean(axis=2) * weight
    counts = maps.count * weight
    found = []
    for axis in (0, 1):  # sums down, for a vertical line, then sums across
        jumps = _jumps(change.sum(axis, dtype=np.float64), counts.sum(axis, dtype=np.float64))
        if len(jumps):
            line = int(jumps.argmax()) + _STEP_BLOCKS
            middle = maps.count.shape[axis] / 2
            row, column = (middle, line) if axis == 0 else (line, middle)
            found.append(at_block(float(jumps.max()), row, column, maps))
    return max(found, key=lambda each: each.value, default=None)


def _bands(size: int, parts: int) -> list[tuple[int, int]]:
    ends = [size * part // parts for part in range(parts + 1)]
    return [(start, stop) for start, stop in pairwise(ends) if stop > start]


def _displacement(region: Region, maps: Maps) -> Floats:
    """Solve the normal equations of a region: columns, then rows, in source pixels."""
    count = float(region.of(maps.count).sum(dtype=np.float64))
    sums = region.of(maps.normal).sum(axis=(0, 1), dtype=np.float64) / count
    xx, xy, yy, xd, yd, x, y, d = sums
    matrix = np.array([[xx - x * x + _NOISE, xy - x * y], [xy - x * y, yy - y * y + _NOISE]])
    return np.linalg.solve(matrix, np.array([xd - x * d, yd - y * d]))


def _weight(maps: Maps) -> Map:
    counts = around(maps.count)
    mean = around(maps.luma) / counts
    variance = np.maximum(around(maps.luma_square) / counts - mean * mean, 0)
    return np.asarray(1 / (variance + np.float32(_FLATNESS)), np.float32)


def _mean(region: Region, weighted: Map, counts: Map) -> Floats:
    total = region.of(counts).sum(dtype=np.float64)
    return np.asarray(region.of(weighted).sum(axis=(0, 1), dtype=np.float64) / total)


def _jumps(sums: Floats, counts: Floats) -> Floats:
    """Return the jump of the mean at each line that has enough blocks on both sides."""
    if len(sums) < 2 * _STEP_BLOCKS:
        return np.empty(0)
    sums, counts = (np.append(0, values.cumsum()) for values in (sums, counts))
    lines = np.arange(_STEP_BLOCKS, len(sums) - _STEP_BLOCKS)
    ends = [lines - _STEP_BLOCKS, lines, lines + _STEP_BLOCKS]
    before, after = (
        (sums[stop] - sums[start]) / (counts[stop] - counts[start])
        for start, stop in pairwise(ends)
    )
    return np.abs(after - before)
