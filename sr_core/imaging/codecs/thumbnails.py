"""Pictures for reports: thumbnails and crops."""

from __future__ import annotations

from typing import cast

import numpy as np
from PIL import Image

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs.decode import decode
from sr_core.imaging.codecs.formats import Limits
from sr_core.imaging.codecs.jpeg import write as jpeg_write
from sr_core.imaging.codecs.png import write as png_write
from sr_core.imaging.codecs.samples import Samples, flattened, joined, reduced
from sr_core.imaging.colour import convert_to_srgb
from sr_core.imaging.metadata import Metadata
from sr_core.imaging.pixels import Page, Pixels
from sr_core.scratch import Blob

_LIMITS = Limits(
    max_bytes=1 << 32, max_side_px=1 << 20, max_source_px=1 << 30, max_output_px=1 << 30
)
_QUALITY = 85


def thumbnail(data: Blob, box_px: int) -> bytes:
    """Shrink the first page to fit a square of `box_px` pixels; return an sRGB JPEG file.

    A picture that fits already keeps its size.

    Raises: ImageError.
    """
    pixels = _shown(data, 0, 0, None, None)
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    image.thumbnail((box_px, box_px), Image.Resampling.LANCZOS, reducing_gap=3.0)
    small = np.asarray(image)
    page = Page(small if small.ndim == 3 else small[:, :, None])
    return bytes(jpeg_write.encode(Samples(page, joined), _QUALITY, Metadata()))


def crop(data: Blob, left: int, top: int, width: int, height: int, zoom: int = 1) -> bytes:
    """Crop the first page; return an sRGB PNG file. Each pixel becomes zoom x zoom.

    The crop is clipped to the picture.

    Raises: ImageError; its class is internal if the crop lies outside the picture.
    """
    part = _shown(data, left, top, width, height)
    page = Page(np.repeat(np.repeat(part, zoom, 0), zoom, 1))
    return bytes(png_write.encode(Samples(page, joined), Metadata()))


def _shown(data: Blob, left: int, top: int, width: int | None, height: int | None) -> Pixels:
    """Return a part of the first page as a browser shows it: 8-bit sRGB, flattened onto white."""
    picture = decode(data, _LIMITS)
    page = picture.pages[0]
    rows = slice(max(0, top), None if height is None else max(0, top + height))
    columns = slice(max(0, left), None if width is None else max(0, left + width))
    alpha = None if page.alpha is None else page.alpha[rows, columns]
    part = cast("Pixels", np.ascontiguousarray(page.pixels[rows, columns]))
    if part.size == 0:
        raise ImageError(ErrorClass.INTERNAL, "the crop lies outside the picture")
    if picture.metadata.icc is not None:
        part = convert_to_srgb(part, picture.metadata.icc)
    return reduced(flattened(Page(part, alpha)))
