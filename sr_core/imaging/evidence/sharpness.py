"""Sharpness: how much of a strong edge lies between neighbouring pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sr_core.imaging.evidence.luma import Luma

_REACH_PX = 3
"""Distance over which an edge is taken to be complete."""
_STRONG = 0.995
"""Quantile of steps that counts as strong: what is in focus decides, and not the background."""
_LOWEST_EDGE = 8.0
"""Levels below which the strongest edge of a picture says nothing about its sharpness."""


def edge_sharpness(windows: Sequence[Luma]) -> float:
    """Return the strongest steps between neighbours over those between pixels 3 apart.

    A third for slopes, about .4 for a picture out of focus by .8 pixels, .5 to .7 for one that was
    shrunk, 1 for drawings. 1 too if there are no edges or too few pixels.
    """
    near = sum(_strong_step(each, 1) + _strong_step(each.T, 1) for each in windows)
    far = sum(_strong_step(each, _REACH_PX) + _strong_step(each.T, _REACH_PX) for each in windows)
    return min(1.0, near / far) if far > 2 * _LOWEST_EDGE * len(windows) else 1.0


def _strong_step(luma: Luma, distance_px: int) -> float:
    if luma.shape[1] <= distance_px:
        return 0.0
    return float(np.quantile(np.abs(luma[:, distance_px:] - luma[:, :-distance_px]), _STRONG))
