"""The pixels that travel between stages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8] | NDArray[np.uint16]
"""(H, W, C) with C = 1 (neutral grey) or 3 (RGB), full range of its dtype."""


@dataclass(frozen=True, slots=True)
class Page:
    """One picture: pixels (H, W, 1 | 3) and straight alpha (H, W) of the same dtype, or none."""

    pixels: Pixels
    alpha: Pixels | None = None
