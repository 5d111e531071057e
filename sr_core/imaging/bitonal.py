"""Pages of black and white alone, such as fax and line art."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sr_core.imaging.pixels import Page
from sr_core.imaging.strips import map_strips

_HALF = 128


def thresholded(page: Page) -> Page:
    """Return a page of 8-bit grey as black and white: levels of 128 and more become white."""
    pixels = map_strips(
        lambda rows: np.where(rows >= _HALF, 255, 0), page.pixels, dtype=page.pixels.dtype
    )
    return replace(page, pixels=pixels, bitonal=True)
