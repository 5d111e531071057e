"""The policy of a run for pages of 1 bit per pixel, such as fax and line art."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from sr_core.imaging.bitonal import thresholded
from sr_core.imaging.codecs import Picture
from sr_core.imaging.pixels import Page
from sr_core.inference.pages import UpscaledPage


def with_policy(
    picture: Picture, policy: Literal["grey", "keep"], output_format: str
) -> tuple[Picture, tuple[str, ...]]:
    """Return a picture whose bitonal pages are those that stay bitonal, and warnings.

    Args:
        picture: the decoded source.
        policy: that of the run.
        output_format: format of the output; only tiff holds pages of 1 bit.
    """
    keeps = policy == "keep" and output_format == "tiff"
    # Parts that could not be decoded are grey, which 1 bit cannot hold.
    pages = tuple(
        replace(page, bitonal=page.bitonal and keeps and not page.blank) for page in picture.pages
    )
    lost = policy == "keep" and [each.bitonal for each in pages] != [
        each.bitonal for each in picture.pages
    ]
    warnings = ("a page of 1 bit became grey",) if lost else ()
    return replace(picture, pages=pages), warnings


def as_bitonal_as(source: Page, upscaled: UpscaledPage) -> UpscaledPage:
    """Return the upscaled page in black and white if its source stays bitonal."""
    if not source.bitonal:
        return upscaled
    return replace(upscaled, page=thresholded(upscaled.page))
