"""The form in which images are degraded: planes of float levels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Planes = NDArray[np.float32]
"""(3, H, W) of RGB levels, nominally in [0, 255]."""


def to_planes(pixels: NDArray[np.uint8]) -> Planes:
    """Convert (H, W, 3) to planes."""
    return np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32)


def to_levels(planes: Planes) -> NDArray[np.uint8]:
    """Convert planes to (H, W, 3), rounded and clamped."""
    levels = np.clip(np.rint(planes), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(levels.transpose(1, 2, 0))
