"""HEIF: the pixels of the primary picture, cropped and turned by libheif."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs.formats import Header
from sr_core.imaging.codecs.heif.header import opened
from sr_core.imaging.codecs.heif.items import Items
from sr_core.imaging.codecs.heif.library import library
from sr_core.imaging.codecs.raster import Raster, model_of, straight, widened
from sr_core.imaging.codecs.source import Source
from sr_core.imaging.pixels import Pixels
from sr_core.scratch import Blob

_RESERVED, _UNSPECIFIED = b"colrnclx\0\0\0\0", b"colrnclx\0\2\0\2"
"""Code points that some writers leave at 0, which libheif refuses, and those that they mean."""


def rasters(data: Blob, header: Header) -> list[Raster]:
    """Decode the primary picture. Its crop, rotation and mirroring are applied already.

    Raises: ImageError, and any exception of pillow-heif.
    """
    source = Source(data)
    items, primary = opened(source)
    _check_complete(items, primary, source.size)
    if data.find(_RESERVED) >= 0:
        data = bytes(data).replace(_RESERVED, _UNSPECIFIED)
    pictures = library().open_heif(data, convert_hdr_to_8bit=False, hdr_to_16bit=False)
    picture = pictures[pictures.primary_index]
    samples = _samples(picture)
    if header.mode.startswith("L") and samples.shape[2] > 2:
        samples = samples[:, :, 2:]  # libheif repeats grey beside transparency
    if picture.mode.partition(";")[0] in ("RGBa", "La"):
        samples = straight(samples)
    return [Raster(samples, model_of(samples))]


def _check_complete(items: Items, primary: int, size: int) -> None:
    """Check that all parts of a picture lie in the file; libheif would leave tiles out.

    Raises: ImageError.
    """
    for part in items.coded(primary):
        pieces = items.extents.get(part, ())
        end = max((each.start + each.length for each in pieces if each.kind == b"file"), default=0)
        if not pieces or end > size:
            raise ImageError(ErrorClass.DECODE, "the file is truncated: a part of it is missing")


def _samples(picture: Any) -> Pixels:
    """Return the samples of a decoded picture, scaled to the full range of their dtype."""
    name, _, bits = picture.mode.partition(";")
    data = picture.data
    width, height = picture.size
    dtype = np.dtype("<u2") if bits else np.dtype(np.uint8)
    rows = np.frombuffer(data, dtype).reshape(height, picture.stride // dtype.itemsize)
    samples = cast("Pixels", rows[:, : width * len(name)].reshape(height, width, len(name)))
    return widened(samples, int(bits)) if bits else samples
