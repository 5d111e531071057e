"""TIFF: writing of tiled pyramids, as image servers (IIIF) read them."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, cast

import numpy as np
import simplejpeg

from sr_core import scratch
from sr_core.imaging.codecs.samples import Samples
from sr_core.imaging.codecs.tags.tree import Order, link_position
from sr_core.imaging.codecs.tiff.description import begin, described
from sr_core.imaging.codecs.tiff.page import Structure, Values, write_page
from sr_core.imaging.codecs.tiff.write import deflated
from sr_core.imaging.metadata import Metadata
from sr_core.imaging.pixels import Page, Pixels
from sr_core.scratch import Blob, Spool

TILE_PX = 256
_STRIP_PX = 1 << 20
_CLASSIC_BYTES = (1 << 32) - (1 << 26)
"""Size of the samples of all levels above which the file becomes a BigTIFF."""

_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = (
    0xFE,
    0x100,
    0x101,
    0x102,
    0x103,
    0x106,
)
_SAMPLES, _PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT, _OFFSETS, _COUNTS = (
    *(0x115, 0x13D, 0x142, 0x143, 0x144, 0x145),
)
_EXTRA, _SUBSAMPLING = 0x152, 0x212
_JPEG, _DEFLATE, _DIFFERENCES, _STRAIGHT_ALPHA, _REDUCED = 7, 8, 2, 2, 1
_GREY, _RGB, _YCBCR = 1, 2, 6


def encode(
    page: Page, made: Callable[[Page], Pixels], metadata: Metadata, icc: bytes | None, quality: int
) -> Blob:
    """Write a page in tiles, then copies of it of half the size each, down to a single tile.

    Tiles are JPEG of 4:4:4 if the page has 8 bits and no transparency, otherwise deflated without
    loss. The copies are directories of their own, marked as reduced. Metadata belong to the page;
    each copy has its profile.

    Args:
        page: the page.
        made: returns the samples of a page, (H, W, 1..4), alpha last.
        metadata: of the page.
        icc: profile of the page; None for sRGB.
        quality: JPEG quality, 1 to 100.

    Source: TIFF 6.0, section 15 (tiles), NewSubfileType; Adobe's TIFF technical note 2 (JPEG).
    """
    big = Samples(page, made).nbytes * 4 // 3 > _CLASSIC_BYTES
    file = Spool()
    about = begin(file, replace(metadata, icc=icc), big=big)
    link = 8 if big else 4  # the header's link to the first directory
    reduced = False
    while True:
        samples = Samples(page, made)
        file.write(b"\0" * (file.size % 2))
        position = file.size
        file.overwrite(link, struct.pack(about.order + ("Q" if big else "I"), position))
        structure = _structure(samples, reduced=reduced)
        tiles = _tiles(samples, about.order, quality)
        fields = write_page(file, structure, tiles, about, big=big)
        link = link_position(position, fields, big=big)
        if max(samples.shape[:2]) <= TILE_PX:
            return file.finish()
        page, reduced = halved(page), True
        about = described(file, Metadata(icc=icc), about.order, big=big)


def is_jpeg(samples: Samples) -> bool:
    """Return True for samples whose tiles are JPEG: 8 bits, without transparency."""
    return samples.dtype == np.uint8 and samples.shape[2] in (1, 3)


def halved(page: Page) -> Page:
    """Return a page of half the size, rounded down: the mean of each four pixels.

    Colours count by their opacity.
    """
    height, width = (max(1, side // 2) for side in page.pixels.shape[:2])
    down = min(2, len(page.pixels))
    colours: Pixels = scratch.empty((height, width, page.pixels.shape[2]), page.pixels.dtype)
    alpha: Pixels | None = None
    if page.alpha is not None:
        alpha = scratch.empty((height, width), page.alpha.dtype)
    step = max(1, _STRIP_PX // width)
    for top in range(0, height, step):
        rows = slice(top * down, min(height, top + step) * down)
        parts = _corners(page.pixels[rows])
        if page.alpha is None or alpha is None:
            colours[top : top + step] = (sum(parts) + np.uint32(len(parts) // 2)) // len(parts)
            continue
        weights = [each.astype(np.uint64) for each in _corners(page.alpha[rows, :, None])]
        total = sum(weights)
        weighted = sum(part * weight for part, weight in zip(parts, weights, strict=True))
        alpha[top : top + step] = (total[:, :, 0] + len(parts) // 2) // len(parts)
        colours[top : top + step] = (weighted + total // 2) // np.maximum(total, 1)
    return Page(colours, alpha)


def _corners(rows: Pixels) -> list[Any]:
    """Return the pixels of each corner of all squares of 2x2; a side of 1 pixel has one corner."""
    down, right = (min(2, side) for side in rows.shape[:2])
    whole = rows[: len(rows) // down * down, : rows.shape[1] // right * right].astype(np.uint32)
    return [whole[y::down, x::right] for y in range(down) for x in range(right)]


def _structure(samples: Samples, *, reduced: bool) -> Structure:
    height, width, channels = samples.shape
    jpeg = is_jpeg(samples)
    colours = _GREY if channels < 3 else _YCBCR if jpeg else _RGB
    values: list[Values] = [
        (_WIDTH, "I", [width]),
        (_HEIGHT, "I", [height]),
        (_BITS, "H", [samples.dtype.itemsize * 8] * channels),
        (_COMPRESSION, "H", [_JPEG if jpeg else _DEFLATE]),
        (_PHOTOMETRIC, "H", [colours]),
        (_SAMPLES, "H", [channels]),
        (_TILE_WIDTH, "I", [TILE_PX]),
        (_TILE_HEIGHT, "I", [TILE_PX]),
    ]
    if reduced:
        values.append((_SUBFILE, "I", [_REDUCED]))
    if not jpeg:
        values.append((_PREDICTOR, "H", [_DIFFERENCES]))
    if colours == _YCBCR:
        values.append((_SUBSAMPLING, "H", [1, 1]))
    if channels in (2, 4):
        values.append((_EXTRA, "H", [_STRAIGHT_ALPHA]))
    number = math.ceil(height / TILE_PX) * math.ceil(width / TILE_PX)
    return Structure(tuple(values), _OFFSETS, _COUNTS, number)


def _tiles(samples: Samples, order: Order, quality: int) -> Iterator[bytes]:
    height, width, _ = samples.shape
    for top in range(0, height, TILE_PX):
        rows = samples.rows(top, top + TILE_PX)
        for left in range(0, width, TILE_PX):
            part = rows[:, left : left + TILE_PX]
            missing = [(0, TILE_PX - side) for side in part.shape[:2]]
            tile = cast("Pixels", np.pad(part, (*missing, (0, 0)), mode="edge"))
            yield _jpeg(tile, quality) if is_jpeg(samples) else deflated(tile, order)


def _jpeg(tile: Pixels, quality: int) -> bytes:
    grey = tile.shape[2] == 1
    data: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(tile), quality, "GRAY" if grey else "RGB", "Gray" if grey else "444"
    )
    return data
