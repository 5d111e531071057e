"""The pixel array that travels between stages."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8] | NDArray[np.uint16]
"""(H, W, C) with C = 1 (neutral grey) or 3 (RGB), full range of its dtype."""
