"""TIFF: reading of the headers of all pages, metadata and pixels."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from typing import NamedTuple

import imagecodecs
import numpy as np
from PIL import TiffImagePlugin

from sr_core import scratch
from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs import exif
from sr_core.imaging.codecs.colour import Raster, from_pillow, straight, widened
from sr_core.imaging.codecs.directory import Directory, TagFile
from sr_core.imaging.codecs.formats import MAX_PAGES, Header, Metadata
from sr_core.imaging.codecs.source import Source
from sr_core.imaging.pixels import Pixels
from sr_core.scratch import Blob

_SUBFILE, _WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC = 0xFE, 0x100, 0x101, 0x102, 0x106
_COMPRESSION, _STRIP_OFFSETS, _SAMPLES, _ROWS, _PLANAR = 0x103, 0x111, 0x115, 0x116, 0x11C
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS = 0x142, 0x143, 0x144
_PLANES, _OLD_JPEG = 2, 6
_EXTRA, _SAMPLE_FORMAT, _XMP, _ICC, _DNG = 0x152, 0x153, 0x2BC, 0x8773, 0xC612
_REDUCED, _MASK = 1, 4  # bits of NewSubfileType
_WHITE_IS_ZERO, _GREY, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6
_MODES = {_WHITE_IS_ZERO: "L", _GREY: "L", _RGB: "RGB", _YCBCR: "RGB"}
_PILLOW_MODES = {_PALETTE: "P", _CMYK: "CMYK", 8: "LAB", 9: "LAB", 10: "LAB"}
_COLOURS = {"L": 1, "RGB": 3, "P": 1, "CMYK": 4, "LAB": 3}


class _Layout(NamedTuple):
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


def header(source: Source) -> Header:
    """Read the headers of all pages; size and mode are those of the first page.

    Raises: ImageError, NeedMoreBytes.
    """
    pages = _pages(source)
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
    return [(page.width, page.height) for page in _pages(source)]


def metadata(source: Source, notes: list[str]) -> Metadata:
    """Collect EXIF, XMP, ICC and resolution of the first page."""
    tags = TagFile(source)
    for directory in tags.chain():
        if not tags.number(directory, _SUBFILE) & (_REDUCED | _MASK):
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
        for page in _pages(Source(data))
    ]


def _raster(data: Blob, page: _Layout, icc: bytes | None) -> Raster:
    if page.photometric in _PILLOW_MODES:
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
    if page.photometric == _WHITE_IS_ZERO:
        samples = _negative(samples)
    return Raster(straight(samples) if page.premultiplied else samples, icc)


def _room(page: _Layout) -> Pixels | None:
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


def _through_pillow(data: Blob, page: _Layout, icc: bytes | None) -> Raster:
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


def _pages(source: Source) -> list[_Layout]:
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
        if not tags.number(directory, _SUBFILE) & (_REDUCED | _MASK):
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


def _layout(tags: TagFile, directory: Directory, index: int) -> _Layout:
    width, height = tags.number(directory, _WIDTH), tags.number(directory, _HEIGHT)
    photometric = tags.number(directory, _PHOTOMETRIC, _GREY)
    count = tags.number(directory, _SAMPLES, 1)
    bits = set(tags.numbers(directory.entries.get(_BITS)) or (1,))
    kinds = set(tags.numbers(directory.entries.get(_SAMPLE_FORMAT)) or (1,))
    mode = (_MODES | _PILLOW_MODES).get(photometric)
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
    return _Layout(
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
