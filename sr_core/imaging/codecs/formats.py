"""What the codecs exchange: headers, pictures, limits, and the names of the formats."""

from __future__ import annotations

from dataclasses import dataclass, field

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.pixels import Page

EXTENSIONS = {"jpeg": "jpg", "png": "png", "webp": "webp", "tiff": "tif", "jxl": "jxl"}
"""File name extension of each format that is written."""

LOSSY = frozenset({"jpeg", "webp"})
"""Written formats whose pixels differ from those that were given."""

FORMAT_LIMITS = {
    "jpeg": 65_500,  # JPEG_MAX_DIMENSION of libjpeg-turbo; the standard's own limit is 65,535
    "png": 1_000_000,  # what libpng reads unless told otherwise
    "webp": 16_383,
    "tiff": (1 << 31) - 1,
    "jxl": 1 << 30,
}
"""Longest side of each format that is written, in pixels."""

WHOLE_LIMITS = {"webp": 200_000_000, "jxl": 400_000_000}
"""Most pixels in formats that are encoded in one piece: an actor's memory holds no more."""

_WEBP_ALPHA_LIMIT = 64_000_000
"""Pillow, which alone keeps colours under full transparency, takes 20 bytes per pixel for it."""

MAX_PAGES = 1_000
"""Pages of a TIFF; a file with more is refused."""

_WRITTEN_AS = {"JPEG": "jpeg", "WEBP": "webp", "TIFF": "tiff", "JXL": "jxl"}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one image may cost, checked before its pixels are decoded.

    `max_source_px` bounds the pixels of all pages together; `max_output_px` those of one output.
    """

    max_bytes: int
    max_side_px: int
    max_source_px: int
    max_output_px: int


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of its picture; width and height are those after `orientation`.

    `mode` names the samples as Pillow does, with ";16" after it where they have more than 8 bits.
    """

    format: str
    mode: str
    width_px: int
    height_px: int
    pages: int = 1
    bit_depth: int = 8
    animated: bool = False
    orientation: int = 1

    @property
    def stored_shape(self) -> tuple[int, int]:
        """Height and width before the orientation is applied."""
        turned = self.orientation >= 5
        size = (self.height_px, self.width_px)
        return size[::-1] if turned else size


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is kept beside the pixels.

    `exif` is a TIFF structure without the "Exif" prefix, its orientation 1 and its thumbnail
    unlinked; `icc` describes the pixels as they are; `dpi` is (horizontal, vertical).
    """

    exif: bytes | None = None
    xmp: bytes | None = None
    icc: bytes | None = None
    dpi: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded file. Arrays are contiguous and writable; warnings are for the image's row."""

    pages: tuple[Page, ...]
    metadata: Metadata = field(default_factory=Metadata)
    format: str = "PNG"
    mode_in: str = "RGB"
    bit_depth: int = 8
    orientation_in: int = 1
    warnings: tuple[str, ...] = ()


def output_format(source_format: str, wanted: str, pages: int = 1) -> str:
    """Choose the format that an image is written in.

    A file of several pages is written as TIFF whatever is wanted, since no other format keeps them.
    Formats that are only read become PNG, which keeps alpha and 16 bits.

    Args:
        source_format: as in `Header.format`.
        wanted: "source", or one of `EXTENSIONS`.
        pages: of the source.
    """
    if pages > 1:
        return "tiff"
    return _WRITTEN_AS.get(source_format, "png") if wanted == "source" else wanted


def check_output_size(
    output_format: str, width_px: int, height_px: int, max_output_px: int, *, alpha: bool = False
) -> None:
    """Refuse an output that its format, with or without transparency, or the run does not allow.

    Raises: ImageError with class too_large.
    """
    longest = FORMAT_LIMITS[output_format]
    if max(width_px, height_px) > longest:
        raise ImageError(
            ErrorClass.TOO_LARGE,
            f"{output_format} ends at {longest} px a side, the output has {width_px}x{height_px}",
        )
    whole = WHOLE_LIMITS.get(output_format, max_output_px)
    if output_format == "webp" and alpha:
        whole = _WEBP_ALPHA_LIMIT
    if whole < width_px * height_px <= max_output_px:
        kind = f"{output_format} with transparency" if alpha else output_format
        raise ImageError(
            ErrorClass.TOO_LARGE,
            f"{kind} is encoded in one piece of at most {whole} px, the output has "
            f"{width_px}x{height_px}; choose png, jpeg or tiff",
        )
    if width_px * height_px > max_output_px:
        raise ImageError(
            ErrorClass.TOO_LARGE,
            f"the output has {width_px}x{height_px} px, more than the limit of {max_output_px}",
        )
