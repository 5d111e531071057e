"""Pixel arrays and pages, as the stages pass them on; the mark of pixels that do not exist."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8] | NDArray[np.uint16]
"""Image, (H, W, C) with C = 1 (neutral grey) or 3 (RGB), full range of its dtype."""


Box = tuple[int, int, int, int]
"""Top, bottom, left and right of a part of a page, in pixels; bottom and right are excluded."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of an image file."""

    pixels: Pixels
    alpha: Pixels | None = None
    """Straight alpha, (H, W) of the pixels' dtype; None if the page is opaque."""
    blank: tuple[Box, ...] = ()
    """Parts that could not be decoded; they are opaque neutral grey, and so is the output there."""
    bitonal: bool = False
    """True if the pixels are only black or white, stored as 1 bit."""


def paint_blank(page: Page) -> None:
    """Make the blank parts of a page opaque neutral grey of half the full value, in place."""
    top = np.iinfo(page.pixels.dtype).max
    for upper, lower, left, right in page.blank:
        page.pixels[upper:lower, left:right] = top // 2 + 1
        if page.alpha is not None:
            page.alpha[upper:lower, left:right] = top


def scaled_blank(page: Page, height: int, width: int) -> tuple[Box, ...]:
    """Return the blank parts of a page, resized to height x width pixels; they never grow."""
    rows, columns = page.pixels.shape[:2]
    return tuple(
        (
            -(-upper * height // rows),
            lower * height // rows,
            -(-left * width // columns),
            right * width // columns,
        )
        for upper, lower, left, right in page.blank
    )
