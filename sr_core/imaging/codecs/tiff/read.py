"""TIFF: reading of the headers of all pages, metadata and pixels."""

from __future__ import annotations

import io
import itertools
import math
import struct
from contextlib import suppress
from dataclasses import replace

import imagecodecs
import numpy as np
from PIL import TiffImagePlugin

from sr_core import scratch
from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs.formats import Header
from sr_core.imaging.codecs.raster import Damage, Raster, from_pillow, straight, widened
from sr_core.imaging.codecs.source import Source
from sr_core.imaging.codecs.tags.directory import TagFile
from sr_core.imaging.codecs.tiff import colour as tiff_colour
from sr_core.imaging.codecs.tiff.damage import is_cut, readable_part
from sr_core.imaging.codecs.tiff.layout import (
    BITONAL,
    CIELAB,
    CMYK,
    GREY,
    ICCLAB,
    PALETTE,
    PHOTOMETRIC,
    WHITE_IS_ZERO,
    YCBCR,
    Layout,
    page_directories,
    pages_of,
)
from sr_core.imaging.colour import ColourFacts, Model
from sr_core.imaging.pixels import Pixels
from sr_core.imaging.strips import map_strips
from sr_core.scratch import Blob

_COLOUR_MAP = 0x140
_MODELS: dict[int, Model] = {WHITE_IS_ZERO: "grey", GREY: "grey", CMYK: "cmyk"}
_MODELS |= {CIELAB: "lab", ICCLAB: "lab"}


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


def colours(source: Source, notes: list[str]) -> list[ColourFacts]:
    """Return the colour information of each page."""
    tags = TagFile(source)
    directories, _ = page_directories(tags)
    return [tiff_colour.facts(tags, directory, notes) for _, directory in directories]


def rasters(data: Blob, header: Header) -> list[Raster]:  # noqa: ARG001 - as all formats
    """Decode all pages: palettes and JPEG of inks or Lab with Pillow, all others with libtiff.

    Raises: ImageError, and any exception of imagecodecs and Pillow.
    """
    return [
        replace(_raster(data, page), orientation=page.orientation, bitonal=page.mode == BITONAL)
        for page in pages_of(Source(data))
    ]


def _raster(data: Blob, page: Layout) -> Raster:
    model = _MODELS.get(page.photometric, "rgb")
    if page.jpeg and model in ("cmyk", "lab"):
        if is_cut(data, page):
            raise ImageError(ErrorClass.DECODE, "the TIFF ends before its last strip or tile")
        return _through_pillow(data, page)
    stored = _as_plain_samples(data, page) if page.photometric in (CMYK, PALETTE) else data
    samples, oddities, damage = _decoded(stored, page)
    if page.planar and samples.shape[1:] == (page.height, page.width):
        samples = np.moveaxis(samples, 0, 2)  # one plane per sample
    if samples.dtype == np.bool_:
        samples = samples.astype(np.uint8) * np.uint8(1 if page.photometric == PALETTE else 255)
    if samples.dtype not in (np.uint8, np.uint16):
        raise ImageError(ErrorClass.UNSUPPORTED_MODE, f"TIFF of {samples.dtype} samples")
    samples, warnings = _without_extras(samples, page)
    warnings = (*oddities, *warnings)
    if page.photometric == PALETTE:
        return Raster(_by_palette(samples, data, page), "rgb", 1, warnings, damage)
    if page.depth > 1:
        samples = widened(samples, page.depth)
    if page.photometric == WHITE_IS_ZERO:
        samples = _negative(samples)
    if page.photometric == CIELAB:
        samples = _unsigned(samples)
    samples = straight(samples) if page.premultiplied else samples
    return Raster(samples, model, 1, warnings, damage)


def _decoded(data: Blob, page: Layout) -> tuple[Pixels, tuple[str, ...], Damage | None]:
    """Decode the samples of a page, or those above the first damage.

    Returns: the samples, warnings, and the damage.
    Raises: ImageError if nothing can be decoded.
    """
    if not is_cut(data, page):
        with suppress(imagecodecs.TiffError, ValueError, RuntimeError):
            return imagecodecs.tiff_decode(data, index=page.place, out=_room(page)), (), None
    return readable_part(data, page, lambda part: imagecodecs.tiff_decode(part, index=page.place))


def _room(page: Layout) -> Pixels | None:
    """Return a scratch array for libtiff to decode a large page into.

    None if libtiff should allocate: for small pages, and for layouts that it does not decode into
    a given array.
    """
    # imagecodecs lets libtiff convert JPEG and YCbCr to RGBA, and returns a view of it.
    channels = 4 if page.jpeg or page.photometric == YCBCR else page.samples
    shape = (page.height, page.width, channels)
    if page.planar or page.depth not in (8, 16):
        return None
    dtype = np.dtype(np.uint8 if page.depth == 8 else np.uint16)
    if math.prod(shape) * dtype.itemsize <= scratch.limit_bytes:
        return None
    return scratch.empty(shape if shape[2] > 1 else shape[:2], dtype)


def _as_plain_samples(data: Blob, page: Layout) -> Blob:
    """Return a copy of the file whose page claims to be grey, so that libtiff keeps its samples.

    It would convert inks to RGB by arithmetic, and does not read planes of them.
    """
    tags = TagFile(Source(data))
    directory = next(itertools.islice(tags.chain(), page.place, None))
    start = directory.entries[PHOTOMETRIC].start
    view, file = memoryview(data), scratch.Spool()
    file.write(view[:start], struct.pack(tags.order + "H", GREY), view[start + 2 :])
    return file.finish()


def _without_extras(samples: Pixels, page: Layout) -> tuple[Pixels, tuple[str, ...]]:
    """Keep colours and alpha; name the other samples, such as infrared or masks, in a warning."""
    kept = page.colours + (page.alpha is not None)
    if page.samples == kept or samples.ndim == 2:
        return samples, ()
    warnings = (
        "dropped: extra channels that are not transparency, such as infrared or masks: "
        f"{page.samples - kept}",
    )
    if page.alpha is None or page.alpha >= samples.shape[2]:
        return samples[:, :, : page.colours], warnings
    chosen = [*range(page.colours), page.alpha]
    return map_strips(lambda rows: rows[:, :, chosen], samples, dtype=samples.dtype), warnings


def _by_palette(indices: Pixels, data: Blob, page: Layout) -> Pixels:
    """Look up 8-bit RGB by index; alpha, if any, stays behind it.

    Raises: ImageError if the palette is too short.
    Source: TIFF 6.0, section 5. Colours of which none is above 255 are meant as 8 bits, by libtiff.
    """
    tags = TagFile(Source(data))
    directory = next(itertools.islice(tags.chain(), page.place, None))
    colours = np.array(tags.numbers(directory.entries.get(_COLOUR_MAP)), np.uint16)
    if colours.size < 3 << page.depth:
        raise ImageError(ErrorClass.DECODE, "the palette of a TIFF page is too short")
    table = colours[: 3 << page.depth].reshape(3, -1).T
    table = (table if table.max() < 256 else table >> 8).astype(np.uint8)

    def looked_up(rows: Pixels) -> Pixels:
        if rows.ndim == 2:
            return table[rows]
        alpha = widened(rows[:, :, 1:], page.depth)
        alpha = alpha if alpha.dtype == np.uint8 else (alpha >> 8).astype(np.uint8)
        return np.concatenate([table[rows[:, :, 0]], alpha], axis=2)

    return map_strips(looked_up, indices, dtype=np.uint8)


def _through_pillow(data: Blob, page: Layout) -> Raster:
    image = TiffImagePlugin.TiffImageFile(io.BytesIO(data))
    image.seek(page.place)
    image.load()
    raster = from_pillow(image)
    if page.photometric == CIELAB:
        raster = replace(raster, samples=_unsigned(raster.samples))
    if page.depth <= 8:
        return raster
    return replace(raster, warnings=(f"{page.mode} was reduced to 8 bits",))


def _negative(samples: Pixels) -> Pixels:
    """Invert grey; alpha stays unchanged."""
    turned = samples.copy()
    grey = turned if turned.ndim == 2 else turned[:, :, 0]
    np.subtract(np.iinfo(grey.dtype).max, grey, out=grey)
    return turned


def _unsigned(samples: Pixels) -> Pixels:
    """Shift the signed a* and b* of CIELAB so that half of the range is neutral."""
    half = samples.dtype.type(1 << (8 * samples.dtype.itemsize - 1))
    flips = np.array([0, half, half, *[0] * (samples.shape[2] - 3)], samples.dtype)
    return map_strips(lambda rows: rows ^ flips, samples, dtype=samples.dtype)
