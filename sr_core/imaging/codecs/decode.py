"""Decoding of headers and pictures; every limit is checked before pixels are decoded."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from sr_core.errors import ErrorClass, ImageError, SrfleetError
from sr_core.imaging.codecs import adapted, pillow
from sr_core.imaging.codecs.bmp import read as bmp
from sr_core.imaging.codecs.detect import detect
from sr_core.imaging.codecs.formats import Header, Limits, Picture
from sr_core.imaging.codecs.gif import metadata as gif_metadata
from sr_core.imaging.codecs.heif import colour as heif_colour
from sr_core.imaging.codecs.heif import header as heif_header
from sr_core.imaging.codecs.heif import metadata as heif_metadata
from sr_core.imaging.codecs.heif import read as heif_read
from sr_core.imaging.codecs.jpeg import metadata as jpeg_metadata
from sr_core.imaging.codecs.jpeg import read as jpeg
from sr_core.imaging.codecs.jpeg2000 import metadata as jp2_metadata
from sr_core.imaging.codecs.jpeg2000 import read as jpeg2000
from sr_core.imaging.codecs.jxl import coding as jxl
from sr_core.imaging.codecs.png import metadata as png_metadata
from sr_core.imaging.codecs.png import read as png_read
from sr_core.imaging.codecs.raster import Raster, to_page
from sr_core.imaging.codecs.salvage import check_damage, decoded_share, marked
from sr_core.imaging.codecs.source import Source
from sr_core.imaging.codecs.tags import exif
from sr_core.imaging.codecs.tiff import metadata as tiff_metadata
from sr_core.imaging.codecs.tiff import read as tiff_read
from sr_core.imaging.codecs.tiff.layout import BITONAL
from sr_core.imaging.codecs.webp import coding as webp
from sr_core.imaging.colour import ColourFacts, Decision
from sr_core.imaging.metadata import Metadata
from sr_core.imaging.pixels import Page
from sr_core.scratch import Blob

_ABSURD_PX_PER_BYTE = 100
"""Warning threshold. Photographs have less than 10; plain drawings and decompression bombs more."""


@dataclass(frozen=True, slots=True)
class _Reader:
    """Functions that read one format."""

    header: Callable[[Source], Header]
    metadata: Callable[[Source, list[str]], Metadata]
    """Appends a warning to its second argument for everything that it cannot read."""
    colours: Callable[[Source, list[str]], list[ColourFacts]]
    """Returns what the file states about the colours of each page; appends warnings likewise."""
    rasters: Callable[[Blob, Header], list[Raster]]
    """Decodes the pages."""


_READERS = {
    "JPEG": _Reader(jpeg.header, jpeg_metadata.metadata, jpeg.colours, jpeg.rasters),
    "PNG": _Reader(png_read.header, png_metadata.metadata, png_read.colours, png_read.rasters),
    "WEBP": _Reader(webp.header, webp.metadata, webp.colours, webp.rasters),
    "TIFF": _Reader(tiff_read.header, tiff_metadata.metadata, tiff_read.colours, tiff_read.rasters),
    "JXL": _Reader(jxl.header, jxl.metadata, jxl.colours, jxl.rasters),
    "JPEG2000": _Reader(jpeg2000.header, jp2_metadata.metadata, jpeg2000.colours, jpeg2000.rasters),
    "AVIF": _Reader(
        pillow.header_of_avif, pillow.metadata_of_avif, pillow.colours_of_avif, pillow.rasters
    ),
    "HEIF": _Reader(
        heif_header.header, heif_metadata.metadata, heif_colour.colours, heif_read.rasters
    ),
    "BMP": _Reader(bmp.header, bmp.metadata, bmp.colours, bmp.rasters),
    "GIF": _Reader(
        pillow.header_of_gif, gif_metadata.metadata, pillow.colours_of_gif, pillow.rasters
    ),
}


def probe(data: Blob | Source, size_bytes: int | None = None) -> Header:
    """Read a header without decoding pixels.

    Args:
        data: the file, its first bytes, or a source that loads the bytes that the header needs.
        size_bytes: size of the whole file; None if data is the whole file.

    Raises: NeedMoreBytes if the header extends beyond data; ImageError with class
        unsupported_format, unsupported_mode, too_large or decode if the file cannot be decoded.
    """
    source = data if isinstance(data, Source) else Source(data, size_bytes)
    return _header(source)[0]


def decode(data: Blob, limits: Limits, *, salvage: bool = False) -> Picture:
    """Decode a whole file: every page, upright, with its metadata.

    Args:
        data: the file.
        limits: limits checked against the header.
        salvage: keep the decodable part of a damaged file, with the rest marked by grey.

    Raises: ImageError for anything wrong with the file.
    """
    try:
        return _decode(data, limits, salvage=salvage)
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError(ErrorClass.OUT_OF_MEMORY, "not enough memory to decode it") from error
    except Exception as error:  # decoders raise anything on damaged files
        message = f"cannot be decoded: {str(error) or type(error).__name__}"
        raise ImageError(ErrorClass.DECODE, message) from error


def _decode(data: Blob, limits: Limits, *, salvage: bool) -> Picture:
    if len(data) > limits.max_bytes:
        raise ImageError(
            ErrorClass.TOO_LARGE, f"{len(data)} bytes, more than the limit of {limits.max_bytes}"
        )
    source = Source(data)
    header, reader = _header(source)
    if header.animated:
        raise ImageError(ErrorClass.ANIMATED, f"the {header.format} is an animation")
    sizes = tiff_read.page_sizes(source) if header.pages > 1 else [header.stored_shape[::-1]]
    _check(sizes, limits)
    notes: list[str] = []
    raw = _metadata(reader, source, notes)
    facts = _colours(reader, source, raw, header, notes)
    rasters = reader.rasters(data, header)
    if header.mode == BITONAL and header.pages == 1:
        rasters = [replace(rasters[0], bitonal=True)]
    share = decoded_share(rasters)
    notes += check_damage(rasters, salvage=salvage)
    made = _pages(rasters, facts, header.format, sizes, notes)
    pages, decisions = zip(*made, strict=True)
    profiles = tuple(decision.profile for decision in decisions)
    size = (header.width_px, header.height_px)
    metadata = replace(
        adapted.kept(raw, size, header.orientation, notes),
        icc=profiles[0],
        code_points=decisions[0].code_points,
    )
    converted = [decision.convert is not None for decision in decisions]
    if converted[0]:
        metadata = adapted.as_srgb(metadata)
    metadata = replace(metadata, later=adapted.later(raw.later, converted[1:], notes))
    pixels = sum(width * height for width, height in sizes)
    if pixels > _ABSURD_PX_PER_BYTE * len(data):
        notes.append(f"{pixels // max(1, len(data))} pixels per byte: more than photographs have")
    return Picture(
        pages,
        metadata,
        header.format,
        header.mode,
        header.bit_depth,
        header.orientation,
        tuple(notes),
        profiles[1:],
        share,
        header.format == "WEBP" and webp.is_lossless(source),
    )


def _pages(
    rasters: list[Raster],
    facts: list[ColourFacts],
    format: str,  # noqa: A002
    sizes: list[tuple[int, int]],
    notes: list[str],
) -> list[tuple[Page, Decision]]:
    """Decide the colours of each page; check that it has the size of its header."""
    made = []
    for raster, found, (width, height) in zip(rasters, facts, sizes, strict=True):
        page, decision = to_page(raster, found, format)
        if math.prod(page.pixels.shape[:2]) != width * height:
            raise ImageError(
                ErrorClass.DECODE,
                f"the picture does not have the {width}x{height} px of its header",
            )
        made.append((marked(page, raster), decision))
        notes += [note for note in (*raster.warnings, *decision.warnings) if note not in notes]
    return made


def _header(source: Source) -> tuple[Header, _Reader]:
    reader = _READERS[detect(source)]
    try:
        return reader.header(source), reader
    except SrfleetError:
        raise
    except Exception as error:
        raise ImageError(ErrorClass.DECODE, f"the header cannot be read: {error}") from error


def _check(sizes: list[tuple[int, int]], limits: Limits) -> None:
    """Check the limits against (width, height) of all pages, before any pixel is decoded."""
    longest = max(max(size) for size in sizes)
    pixels = sum(width * height for width, height in sizes)
    if min(min(size) for size in sizes) < 1:
        raise ImageError(ErrorClass.DECODE, "the picture has no pixels")
    if longest > limits.max_side_px:
        raise ImageError(
            ErrorClass.TOO_LARGE, f"a side of {longest} px, the limit is {limits.max_side_px}"
        )
    if pixels > limits.max_source_px:
        raise ImageError(
            ErrorClass.TOO_LARGE, f"{pixels} px in total, the limit is {limits.max_source_px}"
        )


def _metadata(reader: _Reader, source: Source, notes: list[str]) -> Metadata:
    """Read the metadata; damaged metadata never fails an image."""
    try:
        return reader.metadata(source, notes)
    except Exception as error:  # noqa: BLE001 - decoding the pixels decides if the file is damaged
        notes.append(f"dropped: metadata that cannot be read: {error}")
        return Metadata()


def _colours(
    reader: _Reader, source: Source, raw: Metadata, header: Header, notes: list[str]
) -> list[ColourFacts]:
    """Read what the file states about colours; damage to it never fails an image.

    Raises: ImageError with class unsupported_colour.
    """
    try:
        found = reader.colours(source, notes)
    except ImageError as error:
        if error.error_class is ErrorClass.UNSUPPORTED_COLOUR:
            raise
        return _unreadable(error, header.pages, notes)
    except Exception as error:  # noqa: BLE001 - decoding the pixels decides if the file is damaged
        return _unreadable(error, header.pages, notes)
    if raw.exif is None or header.format == "TIFF":  # whose directories state it for each page
        return found
    return [replace(found[0], exif=exif.colour_space(raw.exif)), *found[1:]]


def _unreadable(error: Exception, pages: int, notes: list[str]) -> list[ColourFacts]:
    notes.append(f"dropped: colour information that cannot be read: {error}")
    return [ColourFacts()] * pages
