"""Pixel arrays and pages, as the stages pass them on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8] | NDArray[np.uint16]
"""Image, (H, W, C) with C = 1 (neutral grey) or 3 (RGB), full range of its dtype."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of an image file."""

    pixels: Pixels
    alpha: Pixels | None = None
    """Straight alpha, (H, W) of the pixels' dtype; None if the page is opaque."""
