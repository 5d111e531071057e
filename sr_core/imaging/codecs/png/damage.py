"""PNG: damage told from oddities, and a sound file of what can be decoded of a damaged one.

Source: PNG specification, third edition, 5 (chunks), 8 (interlacing), 9 (filters).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from sr_core import scratch
from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs.raster import Damage
from sr_core.imaging.codecs.source import PNG_SIGNATURE, Source, png_chunks
from sr_core.imaging.pixels import Pixels
from sr_core.scratch import Blob

WRONG_CHECKSUM = "a wrong checksum of compressed rows (IDAT)"
_HEADS = (b"IHDR", b"PLTE", b"tRNS")
_PIECE_BYTES = 1 << 16
_LONGEST_CHUNK = 1 << 24
_FILTERS = 5
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PASSES = (
    (0, 0, 8, 8),
    (0, 4, 8, 8),
    (4, 0, 8, 4),
    (0, 2, 4, 4),
    (2, 0, 4, 2),
    (0, 1, 2, 2),
    (1, 0, 2, 1),
)
"""First row and column, and steps down and across, of each pass of an interlaced picture."""
_GRIDS = ((8, 8), (8, 4), (4, 4), (4, 2), (2, 2), (2, 1), (1, 1))
"""Steps, down and across, of the pixels that are known after each pass."""


class Pass(NamedTuple):
    """Rows of a pass, and bytes of a row with its filter."""

    rows: int
    length: int


class Piece(NamedTuple):
    """Position of some compressed rows."""

    start: int
    end: int
    suspect: bool
    """True if their checksum is wrong."""


@dataclass(frozen=True, slots=True)
class Survey:
    """The chunks of the picture and what is odd about them."""

    heads: dict[bytes, bytes]
    """Content of the header, the palette and the transparency."""
    pieces: tuple[Piece, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Repaired:
    """A sound PNG file of everything that can be decoded; the rest of its samples is 0."""

    data: Blob
    grid: tuple[int, int]
    """Steps, down and across, of the known pixels; (1, 1) unless an interlaced file is damaged."""
    damage: Damage | None


def survey(data: Blob) -> Survey:
    """Check the chunks of the picture.

    Raises: ImageError if the header, the palette or the transparency is damaged.
    """
    view, size = memoryview(data), len(data)
    heads: dict[bytes, bytes] = {}
    pieces: list[Piece] = []
    remarks: list[str] = []
    ended = False
    for kind, start, length in png_chunks(Source(data)):
        end = start + length
        whole = end + 4 <= size
        if kind not in (*_HEADS, b"IDAT", b"IEND"):
            continue
        check = isal_zlib.crc32(view[start - 4 : end])
        sound = whole and check == int.from_bytes(view[end : end + 4], "big")
        if kind == b"IDAT":
            pieces.append(Piece(start, min(end, size), whole and not sound))
            if not sound and whole:
                remarks.append(WRONG_CHECKSUM)
        elif kind == b"IEND":
            ended = True
            if not sound:
                remarks.append("a wrong or missing checksum of the end (IEND)")
        elif not sound:
            raise ImageError(ErrorClass.DECODE, f"the PNG's {kind.decode()} chunk is damaged")
        else:
            heads.setdefault(kind, data[start:end])
    if not ended:
        remarks.append("no end (IEND)")
    return Survey(heads, tuple(pieces), tuple(dict.fromkeys(remarks)))


def repaired(data: Blob, found: Survey) -> Repaired:
    """Make a sound file of the rows that can be decoded."""
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", found.heads[b"IHDR"])
    layout = _layout(width, height, depth * _SAMPLES[colour], interlaced=bool(interlaced))
    total = sum(rows * length for rows, length in layout)
    raw, trusted, reason = _inflated(data, found.pieces, total)
    known = _known_rows(raw, trusted, layout)
    start = 0
    for count, (rows, length) in zip(known, layout, strict=True):
        raw[start + count * length : start + rows * length] = 0  # black, with the filter "none"
        start += rows * length
    grid, damage = (1, 1), None
    if known == [rows for rows, _ in layout]:
        if any(piece.suspect for piece in found.pieces):  # libpng refuses it, as PngSuite wants
            damage = Damage(f"the PNG is damaged: {WRONG_CHECKSUM}")
    else:
        reason = f"the PNG is damaged: {reason}"
        if interlaced:
            grid, damage = _coarse(known, layout, (height, width), reason)
        else:
            damage = Damage(reason, ((known[0], height, 0, width),))
    return Repaired(_file(found.heads, raw), grid, damage)


def _coarse(
    known: Sequence[int], layout: Sequence[Pass], shape: tuple[int, int], reason: str
) -> tuple[tuple[int, int], Damage]:
    """Return the grid of the last complete pass, and the damage."""
    complete = next(index for index, (rows, _) in enumerate(layout) if known[index] < rows)
    if not complete:
        return (1, 1), Damage(reason, ((0, shape[0], 0, shape[1]),))
    down, across = _GRIDS[complete - 1]
    reason = f"{reason}; {complete} of {len(layout)} passes of the interlaced picture are complete"
    return (down, across), Damage(reason, detail=1 / (down * across))


def _file(heads: Mapping[bytes, bytes], raw: NDArray[np.uint8]) -> Blob:
    file = scratch.Spool()
    file.write(PNG_SIGNATURE)
    for kind in _HEADS:
        if kind in heads:
            _write(file, kind, heads[kind])
    press = isal_zlib.compressobj(1)
    for start in range(0, len(raw), _LONGEST_CHUNK):
        _write(file, b"IDAT", press.compress(raw[start : start + _LONGEST_CHUNK].tobytes()))
    _write(file, b"IDAT", press.flush())
    _write(file, b"IEND", b"")
    return file.finish()


def spread(samples: Pixels, grid: tuple[int, int]) -> Pixels:
    """Repeat the known pixels of an interlaced picture over their neighbourhood, in place."""
    down, across = grid
    for row in range(0, len(samples), down):
        known = np.repeat(samples[row, ::across], across, axis=0)[: samples.shape[1]]
        samples[row : row + down] = known
    return samples


def _layout(width: int, height: int, bits: int, *, interlaced: bool) -> list[Pass]:
    found = []
    for top, left, down, across in _PASSES if interlaced else ((0, 0, 1, 1),):
        wide, high = -(-(width - left) // across), -(-(height - top) // down)
        found.append(Pass(high, 1 + (wide * bits + 7) // 8) if wide > 0 < high else Pass(0, 0))
    return found


def _inflated(
    data: Blob, pieces: tuple[Piece, ...], total: int
) -> tuple[NDArray[np.uint8], int, str]:
    """Inflate `total` bytes.

    Compressed rows with a wrong checksum are trusted if the checksum of the whole stream is right.

    Returns: the bytes, the number of those that can be trusted, and what ends them.
    """
    raw = scratch.empty((total,), np.uint8)
    filled, trusted, reason = 0, total, "the file ends before its last row"
    inflater = zlib.decompressobj()
    for piece in pieces:
        if piece.suspect:
            trusted = min(trusted, filled)
        for at in range(piece.start, piece.end, _PIECE_BYTES):
            part = data[at : min(piece.end, at + _PIECE_BYTES)]
            made, error = _step(inflater, part, total - filled + 1)
            made = made[: total - filled]
            raw[filled : filled + len(made)] = np.frombuffer(made, np.uint8)
            filled += len(made)
            if error:
                problem = f"the compressed rows are damaged ({error})"
                return raw, _before(trusted, filled), problem
            if inflater.eof:
                return raw, filled, "the compressed rows end too early"
    if trusted < filled:
        reason = WRONG_CHECKSUM
    return raw, _before(trusted, filled), reason


def _before(trusted: int, filled: int) -> int:
    """Return the number of bytes to keep: those that can be trusted, or all if there are none.

    Viewers show rows with a wrong checksum, and many files have a single checksum for all rows.
    """
    return min(trusted, filled) or filled


def _step(inflater: Any, part: bytes, room: int) -> tuple[bytes, str]:
    """Inflate a part; return what it gives before damage, and the damage."""
    before = inflater.copy()
    try:
        return inflater.decompress(part, room), ""
    except zlib.error as error:
        made = bytearray()
        with suppress(zlib.error):
            for index in range(len(part)):
                made += before.decompress(part[index : index + 1], max(1, room - len(made)))
        return bytes(made), str(error)


def _known_rows(raw: NDArray[np.uint8], trusted: int, layout: Sequence[Pass]) -> list[int]:
    """Return the number of rows of each pass that are known; an unknown filter ends them all."""
    known, start = [], 0
    for rows, length in layout:
        count = min(rows, max(0, trusted - start) // length) if length else 0
        filters = raw[start : start + count * length].reshape(count, max(1, length))[:, 0]
        wrong = np.flatnonzero(filters >= _FILTERS)
        known.append(int(wrong[0]) if len(wrong) else count)
        if known[-1] < rows:
            trusted = 0
        start += rows * length
    return known


def _write(file: scratch.Spool, kind: bytes, body: bytes) -> None:
    check = isal_zlib.crc32(kind + body)
    file.write(struct.pack(">I", len(body)), kind, body, struct.pack(">I", check))
