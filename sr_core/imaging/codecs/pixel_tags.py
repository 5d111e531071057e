"""Tags that describe pixels, made true for the pixels that are written."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import cast

import numpy as np
from PIL import Image

from sr_core.errors import ImageError
from sr_core.imaging.codecs.jpeg import write as jpeg_write
from sr_core.imaging.codecs.samples import Samples, flattened, joined, reduced
from sr_core.imaging.codecs.tags import exif, exif_pixels
from sr_core.imaging.colour import convert_to_srgb
from sr_core.imaging.metadata import Metadata, xmp_pixels
from sr_core.imaging.pixels import Page, Pixels

_THUMBNAILS = ((160, 80), (160, 50), (120, 50), (96, 50), (64, 50), (40, 40))
"""Longest side in pixels and JPEG quality of a thumbnail; the first that fits is taken."""
_DIRECTORY_BYTES = 64
"""Room for the directory of a thumbnail."""
_SAMPLED_PX = 1280


def true_about_pixels(
    metadata: Metadata, page: Page, icc: bytes | None, *, thumbnail_room: int = 0
) -> Metadata:
    """Update sizes, positions and the thumbnail; tags that are damaged stay as they are.

    Args:
        metadata: metadata of the picture before it was enlarged.
        page: the page that is written.
        icc: its profile; None for sRGB.
        thumbnail_room: most bytes of a new EXIF thumbnail; 0 for none.
    """
    height, width = page.pixels.shape[:2]
    before = metadata.size_px
    block = metadata.exif
    if block is not None:
        with suppress(ImageError):
            block = exif.with_size(block, width, height)
        with suppress(ImageError):
            if before is not None:
                block = exif_pixels.scaled(block, width / before[0], height / before[1])
        with suppress(ImageError):
            if thumbnail_room:
                small = _thumbnail(page, icc, thumbnail_room - _DIRECTORY_BYTES)
                block = exif_pixels.with_thumbnail(block, small)
    main, extended = (
        None if packet is None else xmp_pixels.with_size(packet, width, height, before)
        for packet in (metadata.xmp, metadata.extended_xmp)
    )
    return replace(metadata, exif=block, xmp=main, extended_xmp=extended, size_px=(width, height))


def _thumbnail(page: Page, icc: bytes | None, most_bytes: int) -> bytes:
    step = max(1, max(page.pixels.shape[:2]) // _SAMPLED_PX)
    alpha = None if page.alpha is None else page.alpha[::step, ::step]
    part = reduced(flattened(Page(page.pixels[::step, ::step], alpha)))
    if icc is not None:
        part = convert_to_srgb(cast("Pixels", np.ascontiguousarray(part)), icc)
    image = Image.fromarray(part[:, :, 0] if part.shape[2] == 1 else part)
    for side_px, quality in _THUMBNAILS:
        image.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
        small = np.asarray(image)
        samples = Samples(Page(small if small.ndim == 3 else small[:, :, None]), joined)
        made = bytes(jpeg_write.encode(samples, quality, Metadata()))
        if len(made) <= most_bytes:
            break
    return made
