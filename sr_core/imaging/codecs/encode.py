"""Encoding of pictures with their metadata."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs import adapted, carried, marking, places
from sr_core.imaging.codecs.formats import FORMAT_LIMITS, TIFFS, Picture
from sr_core.imaging.codecs.jpeg import segments as jpeg_segments
from sr_core.imaging.codecs.jpeg import write as jpeg_write
from sr_core.imaging.codecs.jxl import coding as jxl
from sr_core.imaging.codecs.pixel_tags import true_about_pixels
from sr_core.imaging.codecs.png import write as png_write
from sr_core.imaging.codecs.samples import Samples, flattened, joined, reduced
from sr_core.imaging.codecs.tags import exif, exif_block
from sr_core.imaging.codecs.tiff import description as tiff_description
from sr_core.imaging.codecs.tiff import pyramid as tiff_pyramid
from sr_core.imaging.codecs.tiff import write as tiff_write
from sr_core.imaging.codecs.webp import coding as webp
from sr_core.imaging.colour import convert_to_srgb
from sr_core.imaging.metadata import Losses, Mark
from sr_core.imaging.pixels import Page, Pixels
from sr_core.scratch import Blob


def encode(
    picture: Picture,
    format: str,  # noqa: A002
    quality: int,
    *,
    strip_gps: bool = False,
    mark: Mark | None = None,
) -> Blob:
    """Encode a picture with its metadata; `losses` lists what the format cannot keep.

    JPEG is written without chroma subsampling. PNG, TIFF and JPEG XL are lossless at the picture's
    depth; so is WebP if the source is lossless WebP. JPEG XL is always sRGB.

    Args:
        picture: pages of (H, W, 1 | 3) uint8 or uint16, with straight alpha if any.
        format: jpeg, png, webp, tiff, jxl or ptif.
        quality: quality of JPEG, WebP and the JPEG tiles of ptif, 1 to 100; ignored by the others.
        strip_gps: remove positions from EXIF, XMP, IPTC keywords and PNG text.
        mark: how the picture was made, written into the XMP of each page.

    Raises: ImageError with class too_large, out_of_memory or write.
    """
    for page in picture.pages:
        height, width = page.pixels.shape[:2]
        if max(height, width) > FORMAT_LIMITS[format]:
            raise ImageError(ErrorClass.TOO_LARGE, f"{width}x{height} px is too large for {format}")
    try:
        return _encode(picture, format, quality, strip_gps=strip_gps, mark=mark)
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError(
            ErrorClass.OUT_OF_MEMORY, f"not enough memory to write {format}"
        ) from error
    except Exception as error:  # encoders raise anything
        message = f"cannot be written as {format}: {str(error) or type(error).__name__}"
        raise ImageError(ErrorClass.WRITE, message) from error


def losses(
    picture: Picture,
    format: str,  # noqa: A002
    *,
    strip_gps: bool = False,
    marked: bool = False,
) -> tuple[str, ...]:
    """List what is lost when a picture is written in a format, as warnings for the image's row.

    Args:
        picture: the picture.
        format: jpeg, png, webp, tiff, jxl or ptif.
        strip_gps: positions are removed.
        marked: a mark is written, for which damaged XMP makes room.
    """
    page, metadata = picture.pages[0], picture.metadata
    found = []
    if page.alpha is not None and format == "jpeg":
        found.append("transparency was flattened onto white")
    if page.pixels.dtype == np.uint16 and format in ("jpeg", "webp"):
        found.append("16 bits were reduced to 8")
    if len(picture.pages) > 1 and format != "tiff":
        found.append(f"only the first of {len(picture.pages)} pages was written")
    if metadata.icc is not None and _needs_srgb(page, format):
        found.append("colours were converted to sRGB")
    kept = metadata
    if strip_gps:
        kept = places.without_places(metadata)
        found += places.losses(metadata)
    if format in TIFFS:
        found += tiff_description.losses(kept)
    if format in ("webp", "jxl") and kept.dpi and kept.exif and not exif.resolution_of(kept.exif):
        found.append("dropped: resolution, which the EXIF data does not contain")
    found += carried.losses(kept, format)
    if marked:
        for_mark = Losses()
        kept = carried.fitted(kept, format)
        kept = marking.with_mark(kept, None, format, for_mark, pages=_written(picture, format))
        found += for_mark.warnings()
    return (
        *found,
        *(jpeg_segments.losses(kept) if format == "jpeg" else ()),
    )


def _encode(
    picture: Picture,
    format: str,  # noqa: A002
    quality: int,
    *,
    strip_gps: bool,
    mark: Mark | None,
) -> Blob:
    page = picture.pages[0]
    metadata = places.without_places(picture.metadata) if strip_gps else picture.metadata
    if metadata.icc is not None and _needs_srgb(page, format):
        page = replace(page, pixels=convert_to_srgb(page.pixels, metadata.icc))
        metadata = replace(adapted.as_srgb(metadata), icc=None, code_points=None)
    metadata = carried.fitted(metadata, format)
    if mark is not None:
        count = _written(picture, format)
        metadata = marking.with_mark(metadata, mark, format, Losses(), pages=count)
    later = [
        true_about_pixels(about, each, picture.profile(index))
        for index, (about, each) in enumerate(
            zip(metadata.later, picture.pages[1:], strict=False), 1
        )
    ]
    metadata = true_about_pixels(
        metadata,
        page,
        metadata.icc,
        thumbnail_room=carried.thumbnail_room(metadata, format),
    )
    metadata = replace(metadata, later=tuple(later))
    if metadata.exif is None and metadata.dpi is not None and format in ("webp", "jxl"):
        metadata = replace(metadata, exif=exif_block.of_resolution(metadata.dpi))
    if format == "jpeg":
        return jpeg_write.encode(Samples(page, _opaque), quality, metadata)
    if format == "webp":
        samples = Samples(page, _for_webp).whole()
        return webp.encode(samples, quality, metadata, lossless=picture.lossless)
    if format == "png":
        return png_write.encode(Samples(page, joined), metadata)
    if format == "tiff":
        pages = [Samples(each, joined) for each in picture.pages]
        profiles = [picture.profile(index) for index in range(len(pages))]
        bitonal = [each.bitonal for each in picture.pages]
        return tiff_write.encode(pages, metadata, profiles, bitonal)
    if format == "ptif":
        return tiff_pyramid.encode(page, joined, metadata, metadata.icc, quality)
    return jxl.encode(Samples(page, joined).whole(), metadata)


def _written(picture: Picture, format: str) -> int:  # noqa: A002
    """Return how many pages a format holds of a picture."""
    return len(picture.pages) if format == "tiff" else 1


def _opaque(page: Page) -> Pixels:
    return reduced(flattened(page))


def _for_webp(page: Page) -> Pixels:
    """Convert to 8-bit RGB or RGBA, the only layouts of WebP."""
    if page.pixels.shape[2] == 1:
        rgb: Pixels = np.concatenate([page.pixels] * 3, axis=2)
        page = replace(page, pixels=rgb)
    return reduced(joined(page))


def _needs_srgb(page: Page, format: str) -> bool:  # noqa: A002
    """Return True if the format cannot hold the profile: JPEG XL, and WebP for grey pages.

    JPEG XL is only written as sRGB; WebP is always RGB, which a grey profile does not fit.
    """
    return format == "jxl" or (format == "webp" and page.pixels.shape[2] == 1)
