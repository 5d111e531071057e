"""Blockiness: steps at the borders of JPEG's 8x8 blocks, wherever their grid begins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sr_core.imaging.evidence.luma import Luma

BLOCK_PX = 8
_LARGEST_STEP = 6.0
"""Levels above which a step is an edge of the picture, which must not outweigh many small ones."""
_CERTAINTY = 4.0
"""Standard errors that a grid must stand out by: eight positions, two directions and every picture
of an archive are looked at, so that chance finds two or three anywhere."""
_FEWEST_LINES = 4
"""Borders needed for a standard error that means anything."""


def blockiness(windows: Sequence[Luma]) -> float:
    """Return the height of steps at block borders, in levels of 255, across and down.

    The step between neighbours is compared with the mean of the two beside it. The mean excess at
    one position out of eight, over that at the others, shows a grid; a cropped or turned JPEG has
    it at another position. The weaker direction counts, since stripes and rows of print have a
    grid in one direction only. A height that chance may explain is 0.
    """
    return max(
        (min(_steps(each), _steps(each.T)) for each in windows),
        default=0.0,
    )


def _steps(luma: Luma) -> float:
    """Return the height of the steps between columns at the most likely grid."""
    if luma.shape[1] < BLOCK_PX * _FEWEST_LINES + 3:
        return 0.0
    step = np.abs(np.diff(luma, axis=1))
    excess = step[:, 1:-1] - (step[:, :-2] + step[:, 2:]) / 2
    lines = np.clip(excess, -_LARGEST_STEP, _LARGEST_STEP).mean(axis=0)
    return max(_height(lines, first) for first in range(BLOCK_PX))


def _height(lines: NDArray[np.float32], first: int) -> float:
    """Return how far every eighth line stands out, 0 if that is not certain."""
    on_grid = np.zeros(len(lines), bool)
    on_grid[first::BLOCK_PX] = True
    borders, others = lines[on_grid], lines[~on_grid]
    error = np.sqrt(borders.var(ddof=1) / len(borders) + others.var(ddof=1) / len(others))
    height = float(borders.mean() - others.mean())
    return height if height > _CERTAINTY * error else 0.0
