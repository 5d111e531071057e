"""TIFF: reading of the headers of all pages, metadata and pixels."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import imagecodecs
import numpy as np
from PIL import TiffImagePlugin

from sr_core import scratch
from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs import exif
from sr_core.imaging.codecs.colour import Raster, from_pillow, straight, widened
from sr_core.imaging.codecs.directory import TagFile
from sr_core.imaging.codecs.formats import Header, Metadata
from sr_core.imaging.codecs.source import Source
from sr_core.imaging.codecs.tiff_layout import (
    PILLOW_MODES,
    WHITE_IS_ZERO,
    Layout,
    is_page,
    pages_of,
)
from sr_core.imaging.pixels import Pixels
from sr_core.scratch import Blob

_XMP, _ICC = 0x2BC, 0x8773


def header(source: Source) -> Header:
    """Read the headers of all pages; size and mode are those of the first page.

    Raises: ImageError, NeedMoreBytes.
    """
    pages = pages_of(source)
    first = pages[0]
    width, height = first.width, first.height
    if first.orientation >= 5:
        width, height = height, width
    return Header(
        "TIFF",
        first.mode,
        width,
        height,
        pages=len(pages),
        bit_depth=first.depth,
        orientation=first.orientation,
    )


def page_sizes(source: Source) -> list[tuple[int, int]]:
    """Return (width, height) of every page before its orientation is applied.

    Raises: ImageError, NeedMoreBytes.
    """
    return [(page.width, page.height) for page in pages_of(source)]


def metadata(source: Source, notes: list[str]) -> Metadata:
    """Collect EXIF, XMP, ICC and resolution of the first page."""
    tags = TagFile(source)
    for directory in tags.chain():
        if is_page(tags, directory):
            break
    xmp, icc = (
        tags.value(directory.entries[tag]) if tag in directory.entries else None
        for tag in (_XMP, _ICC)
    )
    try:
        block = exif.from_tiff(source.whole(), directory.position)
    except Exception as error:  # noqa: BLE001 - Pillow's parser raises anything on damaged tags
        notes.append(f"the TIFF tags cannot be read and were dropped: {error}")
        block = None
    return Metadata(block, xmp, icc, exif.resolution(tags, directory))


def rasters(data: Blob, header: Header, icc: bytes | None) -> list[Raster]:  # noqa: ARG001
    """Decode all pages: grey and RGB with libtiff at their own depth, other modes with Pillow.

    Raises: ImageError, and any exception of imagecodecs and Pillow.
    """
    return [
        replace(_raster(data, page, icc), orientation=page.orientation)
        for page in pages_of(Source(data))
    ]


def _raster(data: Blob, page: Layout, icc: bytes | None) -> Raster:
    if page.photometric in PILLOW_MODES:
        return _through_pillow(data, page, icc)
    samples: Pixels = imagecodecs.tiff_decode(data, index=page.place, out=_room(page))
    if samples.dtype == np.bool_:
        samples = samples.astype(np.uint8) * np.uint8(255)
    elif samples.ndim == 3 and samples.shape[1:] == (page.height, page.width):
        samples = np.moveaxis(samples, 0, 2)  # one plane per sample
    if samples.dtype not in (np.uint8, np.uint16):
        raise ImageError(ErrorClass.UNSUPPORTED_MODE, f"TIFF of {samples.dtype} samples")
    if page.depth > 1:
        samples = widened(samples, page.depth)
    if page.photometric == WHITE_IS_ZERO:
        samples = _negative(samples)
    return Raster(straight(samples) if page.premultiplied else samples, icc)


def _room(page: Layout) -> Pixels | None:
    """Return a scratch array for libtiff to decode a large page into.

    None if libtiff should allocate: for small pages, and for layouts that it does not decode into
    a given array.
    """
    shape = (page.height, page.width, page.samples)
    if page.planar or page.depth not in (8, 16):
        return None
    dtype = np.dtype(np.uint8 if page.depth == 8 else np.uint16)
    if math.prod(shape) * dtype.itemsize <= scratch.limit_bytes:
        return None
    return scratch.empty(shape if shape[2] > 1 else shape[:2], dtype)


def _through_pillow(data: Blob, page: Layout, icc: bytes | None) -> Raster:
    image = TiffImagePlugin.TiffImageFile(io.BytesIO(data))
    image.seek(page.place)
    image.load()
    raster = from_pillow(image, icc)
    if page.depth <= 8:
        return raster
    return replace(raster, warnings=(*raster.warnings, f"{page.mode} was reduced to 8 bits"))


def _negative(samples: Pixels) -> Pixels:
    """Invert grey; alpha stays unchanged."""
    turned = samples.copy()
    grey = turned if turned.ndim == 2 else turned[:, :, 0]
    np.subtract(np.iinfo(grey.dtype).max, grey, out=grey)
    return turned
