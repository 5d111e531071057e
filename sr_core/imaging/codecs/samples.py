"""The samples of a page in the layout of an output format, made strip by strip."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np

from sr_core import scratch
from sr_core.imaging.pixels import Page, Pixels

_STRIP_PX = 1 << 20


class Samples:
    """The samples of a page, (H, W, 1..4), converted from its pixels and alpha on access.

    Args:
        page: the page.
        made: converts a strip of the page to samples.
    """

    def __init__(self, page: Page, made: Callable[[Page], Pixels]) -> None:
        self._page, self._made = page, made
        first = self.rows(0, 1)
        self.shape = (len(page.pixels), *first.shape[1:])
        self.dtype = first.dtype
        self.nbytes = len(page.pixels) * first.nbytes

    def rows(self, start: int, stop: int) -> Pixels:
        """Return rows [start, stop), clipped to the page; the result may be a view of the page."""
        alpha = self._page.alpha
        part = None if alpha is None else alpha[start:stop]
        return self._made(Page(self._page.pixels[start:stop], part))

    def whole(self) -> Pixels:
        """Return all samples, contiguous; a view of the page if no conversion is needed."""
        pixels = self._page.pixels
        if (self.shape, self.dtype) == (pixels.shape, pixels.dtype):
            return cast("Pixels", np.ascontiguousarray(self.rows(0, self.shape[0])))
        found = scratch.empty(self.shape, self.dtype)
        step = max(1, _STRIP_PX // self.shape[1])
        for start in range(0, self.shape[0], step):
            found[start : start + step] = self.rows(start, start + step)
        return found


def joined(page: Page) -> Pixels:
    """Return pixels and alpha as samples, (H, W, 1..4), alpha last."""
    if page.alpha is None:
        return page.pixels
    joint: Pixels = np.concatenate([page.pixels, page.alpha[:, :, None]], axis=2)
    return joint


def flattened(page: Page) -> Pixels:
    """Flatten a page onto white; return its pixels, (H, W, 1 | 3)."""
    if page.alpha is None:
        return page.pixels
    top = np.uint32(np.iinfo(page.pixels.dtype).max)
    alpha = page.alpha[:, :, None].astype(np.uint32)
    # At 16 bits the largest sum is 65535 * 65535 + 32767, which uint32 holds.
    mixed = (page.pixels * alpha + top * (top - alpha) + top // 2) // top
    return cast("Pixels", mixed.astype(page.pixels.dtype))


def reduced(pixels: Pixels) -> Pixels:
    """Round 16-bit pixels to 8 bits; 8-bit pixels are returned unchanged."""
    if pixels.dtype == np.uint8:
        return pixels
    return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
