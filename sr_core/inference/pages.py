"""One page with its transparency through an upscaler."""

from __future__ import annotations

import numpy as np

from sr_core.imaging.alpha import premultiply, resize_alpha, unpremultiply
from sr_core.imaging.pixels import Page
from sr_core.inference.upscaler import Upscaler


def upscale_page(page: Page, upscaler: Upscaler, height: int, width: int) -> Page:
    """Return the page at height x width pixels.

    Colour goes through the upscaler, premultiplied where the page is partly transparent; alpha is
    resized by Lanczos. Dtype and channels stay.

    Raises: ImageError as `Upscaler.upscale` does.
    """
    if page.alpha is None:
        return Page(upscaler.upscale(page.pixels, height, width), None)
    alpha = resize_alpha(page.alpha, height, width)
    if page.alpha.min() == np.iinfo(page.alpha.dtype).max:
        return Page(upscaler.upscale(page.pixels, height, width), alpha)
    colours = upscaler.upscale(premultiply(page.pixels, page.alpha), height, width)
    return Page(unpremultiply(colours.astype(np.uint16, copy=False), alpha), alpha)
