"""JPEG in strips: large pictures, written and read a few rows at a time.

The encoders available here take whole pictures only. But a restart marker resets the entropy
coding. Strips of whole blocks can therefore be compressed as separate pictures with the same
tables, and their scans joined with restart markers to one picture that every decoder reads. Its
pixels equal those of a picture compressed in one piece.

Source: ITU-T T.81, B.2.1 (restart intervals), B.2.4.4 (DRI), F.1.1.5.1 (prediction at a restart).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs.source import Source, jpeg_segments
from sr_core.scratch import Blob

_BLOCK_PX = 8
_LONGEST_INTERVAL = 65_535
_STRIP_PX = 1 << 20
_BASELINE, _SCAN, _INTERVAL = b"\xc0", b"\xda", b"\xdd"
_END = b"\xff\xd9"
_STRIP_END = re.compile(rb"\xff([\xd0-\xd7\xd9])")  # in a scan, 0 or a marker follows each 0xff


class _Layout(NamedTuple):
    """Positions of the parts of a file's first scan, in bytes, and facts from its headers."""

    frame: int
    """Position of the frame header's content; 0 if the frame is not baseline."""
    scan_header: int
    """Position of the marker of the scan header."""
    scan: int
    """Position of the entropy-coded data."""
    interval: int
    """Restart interval in blocks; 0 if there are no restart markers."""
    height: int
    width: int
    whole_blocks: bool
    """True if all components have the same sampling and share one scan."""


def rows_per_strip(width: int) -> int:
    """Return the height of a strip in pixels, a multiple of the block size."""
    blocks = -(-width // _BLOCK_PX)
    return _BLOCK_PX * min(_LONGEST_INTERVAL // blocks, max(1, _STRIP_PX // _BLOCK_PX // width))


def join(strips: Iterable[bytes], height: int) -> Iterator[bytes | memoryview]:
    """Join strips to one JPEG.

    Args:
        strips: baseline JPEG files without subsampling, with the same tables, each
            `rows_per_strip` high; the last one may be lower.
        height: total height in pixels.

    Yields: the header up to the restart interval and the scan header, then the rest in pieces.
    Raises: ValueError if a strip was written with other tables.
    """
    first = b""
    for number, data in enumerate(strips):
        layout = _read(Source(data))
        header = _with_height(data[: layout.scan], layout, height)
        if number == 0:
            first, blocks = header, -(-layout.width // _BLOCK_PX)
            rows = -(-layout.height // _BLOCK_PX)
            yield header[: layout.scan_header]
            if layout.height < height:
                yield b"\xff" + _INTERVAL + struct.pack(">HH", 4, blocks * rows)
            yield header[layout.scan_header :]
        else:
            yield bytes((0xFF, 0xD0 + (number - 1) % 8))
        if header != first:
            raise ValueError("the strips of a JPEG have different tables")
        yield memoryview(data)[layout.scan : -len(_END)]
    yield _END


def split(data: Blob) -> Iterator[tuple[slice, bytes]] | None:
    """Split a JPEG into strips; yield the rows of each strip and a JPEG file of it.

    Returns None if the file is not made of strips of whole rows; it must be decoded in one piece.

    Raises: ImageError, during iteration, if strips are missing.
    """
    layout = _read(Source(data))
    if not (layout.frame and layout.whole_blocks):
        return None
    rows, left = divmod(layout.interval, -(-layout.width // _BLOCK_PX))
    rows *= _BLOCK_PX
    return _strips(data, layout, rows) if not left and 0 < rows < layout.height else None


def _strips(data: Blob, layout: _Layout, rows: int) -> Iterator[tuple[slice, bytes]]:
    header, start, number, top = data[: layout.scan], layout.scan, 0, 0
    for found in _STRIP_END.finditer(data, layout.scan):
        bottom = min(top + rows, layout.height)
        expected = 0xD9 if bottom == layout.height else 0xD0 + number % 8
        if found[1][0] != expected:
            break
        scan = data[start : found.start()]
        yield (
            slice(top, bottom),
            b"".join([_with_height(header, layout, bottom - top), scan, _END]),
        )
        if bottom == layout.height:
            return
        start, number, top = found.end(), number + 1, bottom
    raise ImageError(ErrorClass.DECODE, f"the JPEG is damaged in or after row {top}")


def _with_height(header: bytes, layout: _Layout, height: int) -> bytes:
    at = layout.frame + 1
    return header[:at] + struct.pack(">H", height) + header[at + 2 :]


def _read(source: Source) -> _Layout:
    frame = interval = height = width = components = 0
    alike = False
    for kind, start, length in jpeg_segments(source):  # noqa: B007 - the last one is the scan's
        if kind == _BASELINE:
            frame = start
            _, height, width, components = struct.unpack(">BHHB", source.take(start, 6))
            alike = all(
                source.number(start + 7 + 3 * index, 1) == 0x11 for index in range(components)
            )
        elif kind == _INTERVAL:
            interval = source.number(start, 2)
    whole = alike and source.number(start, 1) == components
    return _Layout(frame, start - 4, start + length, interval, height, width, whole)
