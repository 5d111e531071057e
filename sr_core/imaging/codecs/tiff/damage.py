"""TIFF: the rows of a page above the first damage."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable

import numpy as np

from sr_core import scratch
from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs.raster import Damage
from sr_core.imaging.codecs.source import Source
from sr_core.imaging.codecs.tags.directory import Entry, TagFile, size_of
from sr_core.imaging.codecs.tiff.layout import (
    COMPRESSION,
    FAX,
    HEIGHT,
    ROWS,
    STRIP_BYTES,
    STRIP_OFFSETS,
    TILE_BYTES,
    TILE_HEIGHT,
    TILE_OFFSETS,
    TILE_WIDTH,
    YCBCR,
    Layout,
)
from sr_core.imaging.pixels import Pixels
from sr_core.scratch import Blob

_BY_ROW = frozenset({1, 5, 32_773})
"""Compressions, none, LZW and PackBits, of which libtiff decodes the top of a strip reliably. Of
others it may return garbage: libdeflate checks nothing that the result has no room for."""
_LETTERS = {1: "B", 3: "H", 4: "I", 16: "Q"}


def readable_part(
    data: Blob, page: Layout, decode: Callable[[Blob], Pixels]
) -> tuple[Pixels, tuple[str, ...], Damage | None]:
    """Decode a page, or the rows above the first damage by claiming that it is only so high.

    Everything below counts as lost, also strips or tiles that may be whole.

    Args:
        data: the file.
        page: layout of the page.
        decode: decodes the page of a file.

    Returns: the samples, warnings, and the damage.
    Raises: ImageError if nothing can be decoded.
    """
    pieces = _Pieces(data, page)
    samples, reason = _attempt(pieces, page.height, decode)
    if samples is not None:
        remark = "strips or tiles that claim more bytes than the file has"
        return samples, (f"the TIFF is odd, but whole: {remark}",), None
    low, high = 0, 0 if page.planar else -(-page.height // pieces.step) - 1
    top: Pixels | None = None
    while low < high:
        middle = (low + high + 1) // 2
        found, _ = _attempt(pieces, middle * pieces.step, decode)
        low, high = (low, middle - 1) if found is None else (middle, high)
        top = top if found is None else found
    if top is None:
        raise ImageError(
            ErrorClass.DECODE, f"the TIFF is damaged: {reason}; nothing of it can be decoded"
        )
    rows = low * pieces.step
    samples = scratch.empty((page.height, *top.shape[1:]), top.dtype)
    samples[:rows] = top[:rows]
    samples[rows:] = np.zeros(1, top.dtype)
    damage = Damage(f"the TIFF is damaged: {reason}", ((rows, page.height, 0, page.width),))
    return samples, (), damage


def is_cut(data: Blob, page: Layout) -> bool:
    """Return True if the page is cut in a compression of which libtiff would not report that."""
    pieces = _Pieces(data, page)
    return pieces.lenient and pieces.first_cut is not None


def _attempt(
    pieces: _Pieces, rows: int, decode: Callable[[Blob], Pixels]
) -> tuple[Pixels | None, str]:
    """Decode the top rows; return them, or what is wrong."""
    if pieces.lenient and pieces.first_cut is not None and rows > pieces.first_cut:
        return None, "its strips or tiles end after the end of the file"
    try:
        return decode(pieces.cut(rows)), ""
    except Exception as error:  # noqa: BLE001 - decoders raise anything on damaged files
        return None, str(error) or "its strips or tiles cannot be decoded"


class _Pieces:
    """Strips or tiles of a page.

    Args:
        data: the file.
        page: layout of the page.
    """

    def __init__(self, data: Blob, page: Layout) -> None:
        self._data = data
        self._tags = tags = TagFile(Source(data))
        self._directory = directory = next(itertools.islice(tags.chain(), page.place, None))
        entries = directory.entries
        tiled = TILE_OFFSETS in entries
        compression = tags.number(directory, COMPRESSION)
        self.lenient = page.jpeg or compression in FAX
        rows = tags.number(directory, TILE_HEIGHT if tiled else ROWS, page.height)
        by_row = compression in _BY_ROW and not tiled and page.photometric != YCBCR
        self.step = 1 if by_row else max(1, rows)
        self._lengths = entries.get(TILE_BYTES if tiled else STRIP_BYTES)
        starts = tags.numbers(entries.get(TILE_OFFSETS if tiled else STRIP_OFFSETS))
        across = -(-page.width // tags.number(directory, TILE_WIDTH)) if tiled else 1
        self._room: dict[int, int] = {}
        """Bytes that are there, by index of each cut piece."""
        self.first_cut: int | None = None
        """First row of the first cut piece."""
        for index, (start, length) in enumerate(
            zip(starts, tags.numbers(self._lengths), strict=False)
        ):
            room = max(0, len(data) - int(start))
            if room < length:
                self._room[index] = room
                top = 0 if page.planar else index // across * rows
                if top < page.height:
                    self.first_cut = min(
                        top, page.height if self.first_cut is None else self.first_cut
                    )

    def cut(self, rows: int) -> Blob:
        """Return the file with a page of so many rows, and pieces that end where the file ends."""
        patches = {}
        for tag in (HEIGHT, ROWS):
            entry = self._directory.entries.get(tag)
            if entry is not None and self._tags.numbers(entry)[0] > rows:
                patches[entry.start] = self._packed(entry, rows)
        if self._lengths is not None:
            size = size_of(self._lengths.type)
            for index, room in self._room.items():
                place = self._lengths.start + index * size
                patches[place] = self._packed(self._lengths, room)
        view, file, position = memoryview(self._data), scratch.Spool(), 0
        for place, value in sorted(patches.items()):
            file.write(view[position:place], value)
            position = place + len(value)
        file.write(view[position:])
        return file.finish()

    def _packed(self, entry: Entry, value: int) -> bytes:
        return struct.pack(self._tags.order + _LETTERS[entry.type], value)
