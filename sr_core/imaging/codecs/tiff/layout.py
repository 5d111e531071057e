"""TIFF: the sample layout of each page, read from its directory."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs.formats import MAX_PAGES
from sr_core.imaging.codecs.source import Source
from sr_core.imaging.codecs.tags import exif
from sr_core.imaging.codecs.tags.directory import Directory, TagFile

_SUBFILE, _WIDTH, HEIGHT, BITS, PHOTOMETRIC = 0xFE, 0x100, 0x101, 0x102, 0x106
COMPRESSION, STRIP_OFFSETS, _SAMPLES, ROWS, STRIP_BYTES = 0x103, 0x111, 0x115, 0x116, 0x117
_PLANAR = 0x11C
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES = 0x142, 0x143, 0x144, 0x145
_PLANES, _OLD_JPEG, _JPEG = 2, 6, 7
FAX = frozenset({2, 3, 4, 32_771})  # compressions of CCITT
_PREMULTIPLIED, _STRAIGHT = 1, 2  # kinds of alpha in ExtraSamples
_SUBSAMPLING, _INK_SET, _EXTRA, _SAMPLE_FORMAT, _DNG = 0x212, 0x14C, 0x152, 0x153, 0xC612
C2PA = 0xCD41
"""Tag of a C2PA manifest. Source: C2PA Technical Specification 2.2, A.3.5."""
_REDUCED, _MASK = 1, 4  # bits of NewSubfileType
WHITE_IS_ZERO, GREY, _RGB, PALETTE, CMYK, YCBCR, CIELAB, ICCLAB = 0, 1, 2, 3, 5, 6, 8, 9
_MODES = {
    WHITE_IS_ZERO: "L",
    GREY: "L",
    _RGB: "RGB",
    PALETTE: "P",
    CMYK: "CMYK",
    YCBCR: "RGB",
    CIELAB: "LAB",
    ICCLAB: "LAB",
}
"""Modes by photometric interpretation."""
BITONAL = "1"
"""Mode of pages of 1 bit per pixel, black or white."""
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
    alpha: int | None
    """Index of the sample that is alpha; None if there is none."""
    samples: int
    """Samples per pixel."""
    colours: int
    """Samples per pixel that are colours; they come first."""
    jpeg: bool
    """True if the samples are compressed as JPEG."""
    planar: bool
    """True if each sample has a plane of its own."""


def is_manifest(directory: Directory) -> bool:
    """Return True for a directory of a C2PA manifest alone, as c2pa-rs adds one to many pages."""
    return C2PA in directory.entries and _WIDTH not in directory.entries


def page_directories(tags: TagFile) -> tuple[list[tuple[int, Directory]], int]:
    """Return the directories of pages with their indices, and the number of all others.

    Masks and reduced copies of a page are no pages, and a pyramid is one page.

    Raises: ImageError with class too_large; NeedMoreBytes.
    """
    pages, others = [], 0
    for index, directory in enumerate(tags.chain()):
        if index >= MAX_PAGES:
            raise ImageError(ErrorClass.TOO_LARGE, f"the TIFF has more than {MAX_PAGES} pages")
        if is_manifest(directory):
            continue
        if tags.number(directory, _SUBFILE) & (_REDUCED | _MASK):
            others += 1
        else:
            pages.append((index, directory))
    if _is_pyramid(tags, [directory for _, directory in pages]):
        return pages[:1], others + len(pages) - 1
    return pages, others


def _is_pyramid(tags: TagFile, directories: list[Directory]) -> bool:
    """Return True for tiled directories of half the size each, of which the last is one tile.

    Some writers do not mark them as reduced.
    """
    if len(directories) < 2 or any(TILE_OFFSETS not in each.entries for each in directories):
        return False
    kinds = {
        tuple(tags.number(each, tag, -1) for tag in (_SAMPLES, PHOTOMETRIC, BITS))
        for each in directories
    }
    sides = [(tags.number(each, _WIDTH), tags.number(each, HEIGHT)) for each in directories]
    tile = [tags.number(directories[-1], tag) for tag in (TILE_WIDTH, TILE_HEIGHT)]
    halves = all(
        small in (large // 2, -(-large // 2))
        for before, after in pairwise(sides)
        for large, small in zip(before, after, strict=True)
    )
    return len(kinds) == 1 and halves and sides[-1][0] <= tile[0] and sides[-1][1] <= tile[1]


def pages_of(source: Source) -> list[Layout]:
    """Describe the pages; masks and reduced copies of a page are not pages.

    Raises: ImageError, NeedMoreBytes.
    """
    tags = TagFile(source)
    directories, others = page_directories(tags)
    if any(_DNG in directory.entries for directory in tags.chain()):
        raise ImageError(ErrorClass.UNSUPPORTED_FORMAT, "a camera raw file (DNG)")
    if not directories:
        content = "only reduced copies of a picture: a camera raw file?" if others else "no pages"
        raise ImageError(ErrorClass.UNSUPPORTED_FORMAT, f"the TIFF has {content}")
    return [_layout(tags, directory, index) for index, directory in directories]


def _check_pieces(
    tags: TagFile, directory: Directory, width: int, height: int, samples: int
) -> None:
    """Check that a page has all strips or tiles that its size needs.

    Pillow would decode the missing ones as black.

    Raises: ImageError.
    """
    entries = directory.entries
    if TILE_OFFSETS in entries:
        wide, high = (tags.number(directory, tag) for tag in (TILE_WIDTH, TILE_HEIGHT))
        found = entries[TILE_OFFSETS].number
    else:
        wide, high = width, min(height, tags.number(directory, ROWS, height))
        found = entries[STRIP_OFFSETS].number if STRIP_OFFSETS in entries else 0
    if wide < 1 or high < 1 or wide * high > max(1 << 24, 4 * width * height):
        raise ImageError(ErrorClass.DECODE, f"a TIFF page in pieces of {wide}x{high} px")
    needed = math.ceil(width / wide) * math.ceil(height / high)
    needed *= samples if tags.number(directory, _PLANAR, 1) == _PLANES else 1
    if found < needed and tags.number(directory, COMPRESSION) != _OLD_JPEG:
        raise ImageError(
            ErrorClass.DECODE, f"a TIFF page has {found} of its {needed} strips or tiles"
        )


def _layout(tags: TagFile, directory: Directory, index: int) -> Layout:
    width, height = tags.number(directory, _WIDTH), tags.number(directory, HEIGHT)
    count = tags.number(directory, _SAMPLES, 1)
    photometric = _photometric(tags, directory, count)
    bits = set(tags.numbers(directory.entries.get(BITS)) or (1,))
    kinds = set(tags.numbers(directory.entries.get(_SAMPLE_FORMAT)) or (1,))
    mode = _MODES.get(photometric)
    depth = int(max(bits))
    if width < 1 or height < 1:
        raise ImageError(ErrorClass.DECODE, "a TIFF page without pixels")
    _check_pieces(tags, directory, width, height, count)
    subsampled = _readable(tags, directory, _SUBSAMPLING) not in ((), (1, 1))
    if photometric == YCBCR and subsampled and tags.number(directory, _PLANAR, 1) == _PLANES:
        raise ImageError(ErrorClass.UNSUPPORTED_MODE, "TIFF of subsampled YCbCr in planes")
    if photometric == CMYK and tags.number(directory, _INK_SET, 1) != 1:
        raise ImageError(ErrorClass.UNSUPPORTED_COLOUR, "a TIFF page of inks other than CMYK")
    colours = _COLOURS.get(mode or "", 0)
    known = mode is not None and count >= colours
    if not known or mode is None or len(bits) > 1 or depth > 16 or kinds != {1}:
        raise ImageError(
            ErrorClass.UNSUPPORTED_MODE,
            f"TIFF of {count} samples of {depth} bits, photometric {photometric}, sample formats "
            f"{sorted(map(int, kinds))} is not supported",
        )
    turn = int(next(iter(_readable(tags, directory, exif.ORIENTATION)), 1))
    alpha, premultiplied = _alpha(tags, directory, colours, count)
    bitonal = mode == "L" and depth == 1 and count == 1
    name = BITONAL if bitonal else mode + "A" * (alpha is not None) + ";16" * (depth > 8)
    return Layout(
        index,
        name,
        width,
        height,
        depth,
        photometric,
        turn if 1 <= turn <= 8 else 1,
        premultiplied,
        alpha,
        count,
        colours,
        tags.number(directory, COMPRESSION) in (_OLD_JPEG, _JPEG),
        tags.number(directory, _PLANAR, 1) == _PLANES,
    )


def _readable(tags: TagFile, directory: Directory, tag: int) -> tuple[float, ...]:
    """Return the numbers of a tag that a page can do without; () if it is damaged."""
    try:
        numbers = tags.numbers(directory.entries.get(tag))
    except ImageError:
        return ()
    return numbers if all(map(math.isfinite, numbers)) else ()


def _photometric(tags: TagFile, directory: Directory, count: int) -> int:
    """Return the photometric interpretation; if it is missing, libtiff's guess.

    Source: TIFFRGBAImageBegin of libtiff: fax is white for zero, three colours are RGB.
    """
    if PHOTOMETRIC in directory.entries:
        return tags.number(directory, PHOTOMETRIC)
    if tags.number(directory, COMPRESSION) in FAX:
        return WHITE_IS_ZERO
    return _RGB if count >= _COLOURS["RGB"] else GREY


def _alpha(
    tags: TagFile, directory: Directory, colours: int, count: int
) -> tuple[int | None, bool]:
    """Return the index of the sample that is alpha, and whether the colours are premultiplied.

    A single extra sample without the tag ExtraSamples is alpha, as old writers meant it.

    Source: TIFF 6.0, section 18: 1 is premultiplied, 2 straight, 0 unspecified.
    """
    extra = tags.numbers(directory.entries.get(_EXTRA))
    if not extra and count == colours + 1:
        return colours, False
    for index, kind in enumerate(extra[: count - colours], colours):
        if kind in (_PREMULTIPLIED, _STRAIGHT):
            return index, kind == _PREMULTIPLIED
    return None, False
