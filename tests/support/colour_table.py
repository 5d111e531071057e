"""What becomes of each kind of colour information, by source and output format."""

from __future__ import annotations

import re
from collections.abc import Callable

from PIL import Image

from sr_core.imaging.codecs import EXTENSIONS, Picture, decode, encode, losses
from tests.support import outcome_table
from tests.support.colour_files import colour_files
from tests.support.image_files import LIMITS, picture, saved
from tests.support.outcome_table import CANNOT, CONVERTED, KEPT, LOST, NAMED, Outcomes

_SOURCES = {
    "JPEG": "jpeg",
    "PNG": "png",
    "TIFF": "tiff",
    "WEBP": "webp",
    "JXL": "jxl",
    "GIF": "gif",
    "JPEG2000": "jp2",
    "AVIF": "avif",
    "HEIF": "heif",
    "BMP": "bmp",
}
"""Sources by the format of their header."""
_Outcome = Callable[[Picture, Picture, str], str]


def _colour(before: Picture, after: Picture, warnings: str) -> str:
    if "converted" in warnings:
        return CONVERTED
    return KEPT if after.metadata.icc == before.metadata.icc else LOST


def _transparency(before: Picture, after: Picture, warnings: str) -> str:
    if before.pages[0].alpha is not None and after.pages[0].alpha is not None:
        return KEPT
    return CANNOT if "flattened" in warnings else LOST


def _depth(before: Picture, after: Picture, warnings: str) -> str:
    if before.pages[0].pixels.dtype == after.pages[0].pixels.dtype:
        return KEPT
    return CONVERTED if "reduced to 8" in warnings else LOST


def _pages(before: Picture, after: Picture, warnings: str) -> str:
    if len(before.pages) == len(after.pages):
        return KEPT
    return CANNOT if "only the first" in warnings else LOST


def _extra_channels(before: Picture, after: Picture, warnings: str) -> str:
    has_alpha = [each.pages[0].alpha is not None for each in (before, after)]
    return NAMED if "extra channel" in warnings and not any(has_alpha) else LOST


KINDS: dict[str, tuple[str, _Outcome]] = {
    "ICC profile, RGB": (r"\w+-icc|JP2-icc-2|JXL-icc lossless", _colour),
    "ICC profile, grey": (r"\w+-grey-icc|JXL-grey icc lossless", _colour),
    "code points (CICP, nclx)": (r"\w+-(cicp|nclx)-12-13", _colour),
    "gamma, chromaticities, calibration": (
        r"PNG-gamma-chrm|TIFF-chromaticities|BMP-calibrated-124|JXL-gamma lossless",
        _colour,
    ),
    "Adobe RGB by EXIF": (r"\w+-exif-r03", _colour),
    "CMYK": (r"JPEG-cmyk-icc|JP2-cmyk-icc|TIFF-cmyk-icc-uint8-contig-strips", _colour),
    "Lab": (r"TIFF-cielab-8|JP2-lab", _colour),
    "16 bits, also 10 and 12": (
        r"(PNG|TIFF|JP2)-icc-16|JXL-linear lossless 16|AVIF-nclx-12-13-10-bit",
        _depth,
    ),
    "transparency": (
        r"TIFF-alpha-uint8|JP2-cdef-alpha|JXL-icc lossy alpha|alpha-\w+",
        _transparency,
    ),
    "extra channels: infrared, masks": (
        r"TIFF-infrared-uint8|JP2-cdef-unspecified|JXL-grey-extra",
        _extra_channels,
    ),
    "pages": (r"TIFF-pages", _pages),
}
"""Pattern of the files of each kind, and how to judge an output."""


def _files() -> dict[str, bytes]:
    found = {str(file): file.data for file in colour_files()}
    for name in ("PNG", "WEBP", "AVIF"):
        found[f"alpha-{name}"] = saved(picture("RGBA"), name)
    clear = Image.new("P", (56, 40))
    found["alpha-GIF"] = saved(clear, "GIF", transparency=0, optimize=False)
    return found


def outcomes() -> Outcomes:
    """Return what becomes of each kind."""
    files = _files()
    found: Outcomes = {kind: {} for kind in KINDS}
    for kind, (pattern, judge) in KINDS.items():
        for name in (each for each in files if re.fullmatch(pattern, each)):
            before = decode(files[name], LIMITS)
            for output in EXTENSIONS:
                after = decode(encode(before, output, 95), LIMITS)
                warnings = " ".join((*before.warnings, *losses(before, output)))
                found[kind].setdefault(_SOURCES[before.format], {})[output] = judge(
                    before, after, warnings
                )
    return found


def table() -> str:
    """Return the table."""
    return outcome_table.table(outcomes())
