"""TIFF: the sample layout of each page, read from its directory."""

from __future__ import annotations

import math
from typing import NamedTuple

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs import exif
from sr_core.imaging.codecs.directory import Directory, TagFile
from sr_core.imaging.codecs.formats import MAX_PAGES
from sr_core.imaging.codecs.source import Source

_SUBFILE, _WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC = 0xFE, 0x100, 0x101, 0x102, 0x106
_COMPRESSION, _STRIP_OFFSETS, _SAMPLES, _ROWS, _PLANAR = 0x103, 0x111, 0x115, 0x116, 0x11C
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS = 0x142, 0x143, 0x144
_PLANES, _OLD_JPEG = 2, 6
_EXTRA, _SAMPLE_FORMAT, _DNG = 0x152, 0x153, 0xC612
_REDUCED, _MASK = 1, 4  # bits of NewSubfileType
WHITE_IS_ZERO, _GREY, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6  # photometric
_MODES = {WHITE_IS_ZERO: "L", _GREY: "L", _RGB: "RGB", _YCBCR: "RGB"}
PILLOW_MODES = {_PALETTE: "P", _CMYK: "CMYK", 8: "LAB", 9: "LAB", 10: "LAB"}
"""Modes, by photometric interpretation, that Pillow decodes; imagecodecs decodes the others."""
_COLOURS = {"L": 1, "RGB": 3, "P": 1, "CMYK": 4, "LAB": 3}


class Layout(NamedTuple):
    """Sample layout of one page."""

    place: int
    """Index of the page's directory among all directories of the file."""
    mode: str
    """As in `Header.mode`."""
    width: int
    height: int
    depth: int
    """Bits per sample."""
    photometric: int
    orientation: int
    premultiplied: bool
    samples: int
    """Samples per pixel."""
    planar: bool
    """True if each sample has a plane of its own."""


def is_page(tags: TagFile, directory: Directory) -> bool:
    """Return False for a mask or a reduced copy of a page."""
    return not tags.number(directory, _SUBFILE) & (_REDUCED | _MASK)


def pages_of(source: Source) -> list[Layout]:
    """Describe the pages; masks and reduced copies of a page are not pages.

    Raises: ImageError, NeedMoreBytes.
    """
    tags = TagFile(source)
    pages, found = [], 0
    for index, directory in enumerate(tags.chain()):
        if index >= MAX_PAGES:
            raise ImageError(ErrorClass.TOO_LARGE, f"the TIFF has more than {MAX_PAGES} pages")
        if _DNG in directory.entries:
            raise ImageError(ErrorClass.UNSUPPORTED_FORMAT, "a camera raw file (DNG)")
        if is_page(tags, directory):
            pages.append(_layout(tags, directory, index))
        found += 1
    if not pages:
        content = "only reduced copies of a picture: a camera raw file?" if found else "no pages"
        raise ImageError(ErrorClass.UNSUPPORTED_FORMAT, f"the TIFF has {content}")
    return pages


def _check_pieces(
    tags: TagFile, directory: Directory, width: int, height: int, samples: int
) -> None:
    """Check that a page has all strips or tiles that its size needs.

    Pillow would decode the missing ones as black.

    Raises: ImageError.
    """
    entries = directory.entries
    if _TILE_OFFSETS in entries:
        wide, high = (tags.number(directory, tag) for tag in (_TILE_WIDTH, _TILE_HEIGHT))
        found = entries[_TILE_OFFSETS].number
    else:
        wide, high = width, min(height, tags.number(directory, _ROWS, height))
        found = entries[_STRIP_OFFSETS].number if _STRIP_OFFSETS in entries else 0
    if wide < 1 or high < 1 or wide * high > max(1 << 24, 4 * width * height):
        raise ImageError(ErrorClass.DECODE, f"a TIFF page in pieces of {wide}x{high} px")
    needed = math.ceil(width / wide) * math.ceil(height / high)
    needed *= samples if tags.number(directory, _PLANAR, 1) == _PLANES else 1
    if found < needed and tags.number(directory, _COMPRESSION) != _OLD_JPEG:
        raise ImageError(
            ErrorClass.DECODE, f"a TIFF page has {found} of its {needed} strips or tiles"
        )


def _layout(tags: TagFile, directory: Directory, index: int) -> Layout:
    width, height = tags.number(directory, _WIDTH), tags.number(directory, _HEIGHT)
    photometric = tags.number(directory, _PHOTOMETRIC, _GREY)
    count = tags.number(directory, _SAMPLES, 1)
    bits = set(tags.numbers(directory.entries.get(_BITS)) or (1,))
    kinds = set(tags.numbers(directory.entries.get(_SAMPLE_FORMAT)) or (1,))
    mode = (_MODES | PILLOW_MODES).get(photometric)
    depth = int(max(bits))
    if width < 1 or height < 1:
        raise ImageError(ErrorClass.DECODE, "a TIFF page without pixels")
    _check_pieces(tags, directory, width, height, count)
    extra = count - _COLOURS.get(mode or "", 0)
    if mode is None or len(bits) > 1 or depth > 16 or kinds != {1} or extra not in (0, 1):
        raise ImageError(
            ErrorClass.UNSUPPORTED_MODE,
            f"TIFF of {count} samples of {depth} bits, photometric {photometric}, sample formats "
            f"{sorted(map(int, kinds))} is not supported",
        )
    turn = tags.number(directory, exif.ORIENTATION, 1)
    alpha = "A" if extra else ""
    deep = ";16" if depth > 8 else ""
    return Layout(
        index,
        "1" if mode == "L" and depth == 1 and not extra else mode + alpha + deep,
        width,
        height,
        depth,
        photometric,
        turn if 1 <= turn <= 8 else 1,
        bool(extra) and tags.number(directory, _EXTRA) == 1,
        count,
        tags.number(directory, _PLANAR, 1) == _PLANES,
    )
