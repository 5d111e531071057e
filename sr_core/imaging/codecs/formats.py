"""Headers, pictures, limits and format names shared by the codecs."""

from __future__ import annotations

from dataclasses import dataclass, field

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.metadata import Metadata
from sr_core.imaging.pixels import Page

EXTENSIONS = {
    "jpeg": "jpg",
    "png": "png",
    "webp": "webp",
    "tiff": "tif",
    "jxl": "jxl",
    "ptif": "tif",
}
"""File name extension of each output format; ptif is a tiled pyramid in TIFF."""

LOSSY = frozenset({"jpeg", "webp", "ptif"})
"""Output formats that change pixels; ptif does if they have 8 bits and no transparency."""

TIFFS = frozenset({"tiff", "ptif"})
"""Output formats that hold metadata as TIFF does."""

FORMAT_LIMITS = {
    "jpeg": 65_500,  # JPEG_MAX_DIMENSION of libjpeg-turbo; the standard's own limit is 65,535
    "png": 1_000_000,  # libpng's default limit for readers
    "webp": 16_383,
    "tiff": (1 << 31) - 1,
    "jxl": 1 << 30,
    "ptif": (1 << 31) - 1,
}
"""Longest side of each output format, in pixels."""

WHOLE_LIMITS = {"webp": 200_000_000, "jxl": 400_000_000}
"""Most pixels of output formats encoded in one piece; an actor's memory holds no more."""

_WEBP_ALPHA_LIMIT = 64_000_000
"""Most pixels of WebP with alpha. Only Pillow keeps colours under full transparency, and it needs
20 bytes per pixel."""

MAX_PAGES = 1_000
"""Most pages of a TIFF; a file with more is refused."""

_WRITTEN_AS = {"JPEG": "jpeg", "WEBP": "webp", "TIFF": "tiff", "JXL": "jxl"}


@dataclass(frozen=True, slots=True)
class Limits:
    """Size limits of one image, checked before its pixels are decoded."""

    max_bytes: int
    """Size of the file."""
    max_side_px: int
    """Longest side of any page."""
    max_source_px: int
    """Pixels of all pages together."""
    max_output_px: int
    """Pixels of one output."""


@dataclass(frozen=True, slots=True)
class Header:
    """Description of a picture, read without decoding its pixels."""

    format: str
    mode: str
    """Pillow's name of the sample layout, with ";16" appended for more than 8 bits."""
    width_px: int
    """Width after `orientation` is applied."""
    height_px: int
    """Height after `orientation` is applied."""
    pages: int = 1
    bit_depth: int = 8
    animated: bool = False
    orientation: int = 1
    """EXIF orientation, 1 to 8."""

    @property
    def stored_shape(self) -> tuple[int, int]:
        """Height and width before the orientation is applied."""
        turned = self.orientation >= 5
        size = (self.height_px, self.width_px)
        return size[::-1] if turned else size


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded file; its arrays are contiguous and writable."""

    pages: tuple[Page, ...]
    metadata: Metadata = field(default_factory=Metadata)
    format: str = "PNG"
    mode_in: str = "RGB"
    """Mode of the file, as in `Header.mode`."""
    bit_depth: int = 8
    orientation_in: int = 1
    """EXIF orientation of the file; the pages are upright."""
    warnings: tuple[str, ...] = ()
    """Warnings for the user; appended to the row's warnings."""
    later_profiles: tuple[bytes | None, ...] = ()
    """ICC profile of each page after the first; empty if there is only one page."""
    decoded_share: float | None = None
    """Share of a damaged file that was decoded, 0 to 1; None if the file is whole."""
    lossless: bool = False
    """True for lossless WebP, whose output in WebP is lossless too."""

    def profile(self, index: int) -> bytes | None:
        """Return the ICC profile of a page; None for sRGB."""
        profiles = (self.metadata.icc, *self.later_profiles)
        return profiles[index] if index < len(profiles) else None


def output_format(source_format: str, wanted: str, pages: int = 1, *, bitonal: bool = False) -> str:
    """Choose the output format of an image.

    A source with several pages always becomes TIFF, the only output format that keeps them.
    Formats that are only read become PNG, which keeps alpha and 16 bits.

    Args:
        source_format: format of the source, as in `Header.format`.
        wanted: "source", or one of `EXTENSIONS`.
        pages: number of pages in the source.
        bitonal: True for a source of 1 bit per pixel whose output has 1 bit too.
    """
    if pages > 1 or bitonal:
        return "tiff"
    return _WRITTEN_AS.get(source_format, "png") if wanted == "source" else wanted


def check_output_size(
    output_format: str, width_px: int, height_px: int, max_output_px: int, *, alpha: bool = False
) -> None:
    """Check the size of an output against the limits of its format and of the run.

    Args:
        output_format: one of `EXTENSIONS`.
        width_px: width of the output.
        height_px: height of the output.
        max_output_px: the run's limit in pixels, as in `Limits`.
        alpha: True if the output has an alpha channel.

    Raises: ImageError with class too_large.
    """
    longest = FORMAT_LIMITS[output_format]
    if max(width_px, height_px) > longest:
        raise ImageError(
            ErrorClass.TOO_LARGE,
            f"{output_format} allows at most {longest} px a side, the output has "
            f"{width_px}x{height_px} px",
        )
    whole = WHOLE_LIMITS.get(output_format, max_output_px)
    if output_format == "webp" and alpha:
        whole = _WEBP_ALPHA_LIMIT
    if whole < width_px * height_px <= max_output_px:
        kind = f"{output_format} with transparency" if alpha else output_format
        raise ImageError(
            ErrorClass.TOO_LARGE,
            f"{kind} is encoded in one piece of at most {whole} px, the output has "
            f"{width_px}x{height_px} px; choose png, jpeg or tiff",
        )
    if width_px * height_px > max_output_px:
        raise ImageError(
            ErrorClass.TOO_LARGE,
            f"the output has {width_px}x{height_px} px, more than the limit of {max_output_px}",
        )
