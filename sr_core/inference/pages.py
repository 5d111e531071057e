"""Upscaling of a page together with its transparency."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sr_core.imaging.alpha import premultiply, resize_alpha, unpremultiply
from sr_core.imaging.pixels import Page, paint_blank, scaled_blank
from sr_core.inference.upscaled import MadeBy, Upscaler


@dataclass(frozen=True, slots=True, eq=False)
class UpscaledPage:
    """An upscaled page and what made its colours."""

    page: Page
    made_by: MadeBy


def upscale_page(page: Page, upscaler: Upscaler, height: int, width: int) -> UpscaledPage:
    """Return the page at height x width pixels.

    Colour goes through the upscaler, premultiplied if the page is partly transparent; alpha is
    resized by Lanczos. Dtype and channels stay. Blank parts stay blank.

    Raises: ImageError as `Upscaler.upscale` does.
    """
    made, made_by = _upscaled(page, upscaler, height, width)
    made = replace(made, blank=scaled_blank(page, height, width))
    paint_blank(made)
    return UpscaledPage(made, made_by)


def _upscaled(page: Page, upscaler: Upscaler, height: int, width: int) -> tuple[Page, MadeBy]:
    if page.alpha is None:
        colours = upscaler.upscale(page.pixels, height, width)
        return Page(colours.pixels, None), colours.made_by
    alpha = resize_alpha(page.alpha, height, width)
    if page.alpha.min() == np.iinfo(page.alpha.dtype).max:
        colours = upscaler.upscale(page.pixels, height, width)
        return Page(colours.pixels, alpha), colours.made_by
    colours = upscaler.upscale(premultiply(page.pixels, page.alpha), height, width)
    unpremultiplied = unpremultiply(colours.pixels.astype(np.uint16, copy=False), alpha)
    return Page(unpremultiplied, alpha), colours.made_by
