"""JPEG: the part of a file that decides pixels, scan by scan, rewritten without harmless oddities.

libjpeg warns of oddities that change no pixel in the same way as of damage, and reports only its
first warning. What is rewritten here makes it warn of damage to scans alone.

Source: ITU-T T.81, annex B.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

from sr_core import scratch
from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs.source import Source, jpeg_segments
from sr_core.scratch import Blob

MAX_SCANS = 500
"""Most scans of a picture. Each scan costs a pass over all pixels, so that a small progressive file
could take hours."""
END = b"\xff\xd9"
BLOCK_PX = 8

_START = b"\xff\xd8"
_SCAN, _APP0, _APP14, _COMMENT = 0xDA, 0xE0, 0xEE, 0xFE
_SEQUENTIAL, _PROGRESSIVE = (0xC0, 0xC1), 0xC2
_TABLES = frozenset({0xC4, 0xCC, 0xDB, 0xDD})
_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")  # in a scan, 0 follows any other 0xff
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_FREQUENCIES = 64
_TRANSFORM = 11
"""Position of the colour transform in an Adobe segment."""
_TRANSFORMS = {3: 1, 4: 2}
"""Colour transforms by number of components: YCbCr and YCCK."""


class Component(NamedTuple):
    """A component of the frame: its name in the file, and its sampling factors."""

    name: int
    wide: int
    high: int


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan with the tables before it, as positions in the file, and the header of the scan."""

    tables: tuple[tuple[int, int], ...]
    """Start and end of each segment of tables."""
    header: bytes
    """Marker segment of the scan, rewritten if it was odd."""
    start: int
    end: int
    """End of the entropy-coded data; it may contain bytes after the last block."""
    padding: int = 0
    """Bytes before `end` to leave out."""


@dataclass(frozen=True, slots=True)
class Stream:
    """The part of a JPEG file that decides pixels."""

    data: Blob
    head: bytes
    """Everything before the tables of the first scan."""
    frame: int
    """Position of the frame header's content in `head`."""
    kind: int
    """Second byte of the frame's marker."""
    height: int
    width: int
    components: tuple[Component, ...]
    scans: tuple[Scan, ...]
    ended: bool
    """True if the end marker follows the last scan."""
    remarks: tuple[str, ...]
    """Oddities that change no pixel."""

    def file(
        self, scans: int | None = None, height: int | None = None, *, end: bytes = END
    ) -> Blob:
        """Return a JPEG file.

        Args:
            scans: number of scans to keep; None for all.
            height: height in its header, in pixels; None for that of the picture.
            end: what follows the last scan.
        """
        head = self.head
        if height is not None:
            at = self.frame + 1
            head = head[:at] + height.to_bytes(2, "big") + head[at + 2 :]
        view, file = memoryview(self.data), scratch.Spool()
        file.write(head)
        for scan in self.scans[:scans]:
            file.write(*(view[start:end] for start, end in scan.tables))
            file.write(scan.header, view[scan.start : scan.end - scan.padding])
        file.write(end)
        return file.finish()

    def top(self, rows: int) -> Blob:
        """Return a JPEG file of the first scan alone, and of the rows above `rows` alone.

        The restart markers below are left out, because libjpeg would warn of them.

        Args:
            rows: a multiple of the height of a block of all components.
        """
        scan = self.scans[0]
        interval = self._restart_interval()
        if interval:
            across, down = self._blocks(rows)
            needed = (across * down - 1) // interval
            restarts = _RESTART.finditer(self.data, scan.start, scan.end)
            end = next(islice(restarts, needed, None), None)
            if end is not None:
                scan = replace(scan, end=end.start(), padding=0)
        return replace(self, scans=(scan,)).file(height=rows)

    def _restart_interval(self) -> int:
        head = memoryview(self.head)
        found = 0
        for kind, start, length in jpeg_segments(Source(bytes(head) + b"\xff\xda\0\2")):
            if kind == b"\xdd" and length == 2:
                found = int.from_bytes(head[start : start + 2], "big")
        return found

    def _blocks(self, rows: int) -> tuple[int, int]:
        """Return the number of units that the restart interval counts, across and down."""
        wide = max(each.wide for each in self.components)
        high = max(each.high for each in self.components)
        names = set(_names(self.scans[0]))
        if len(names) > 1:
            return -(-self.width // (BLOCK_PX * wide)), -(-rows // (BLOCK_PX * high))
        own = next((each for each in self.components if each.name in names), self.components[0])
        across = -(-self.width * own.wide // wide)
        down = -(-rows * own.high // high)
        return -(-across // BLOCK_PX), -(-down // BLOCK_PX)

    def without_padding(self, index: int, length: int) -> Stream:
        """Return the stream without `length` more bytes at the end of a scan."""
        scan = self.scans[index]
        scan = replace(scan, padding=scan.padding + length)
        return replace(self, scans=(*self.scans[:index], scan, *self.scans[index + 1 :]))

    def complete(self, scans: int | None = None) -> float:
        """Return the share of the picture's frequencies that the first scans define, 0 to 1.

        A frequency of which the last bits are missing counts in part.
        """
        names = {each.name for each in self.components}
        if self.kind != _PROGRESSIVE:
            seen = {name for scan in self.scans[:scans] for name in _names(scan)}
            return len(seen & names) / len(names)
        missing_bits: dict[tuple[int, int], int] = {}
        for scan in self.scans[:scans]:
            first, last, low = scan.header[-3], scan.header[-2], scan.header[-1] & 15
            for frequency in range(first, min(last, _FREQUENCIES - 1) + 1):
                missing_bits |= {(name, frequency): low for name in _names(scan)}
        known = (1 / (1 + low) for (name, _), low in missing_bits.items() if name in names)
        return sum(known) / (_FREQUENCIES * len(names))


def read(data: Blob) -> Stream:
    """Find the frame and the scans.

    Metadata is left out, so that damage to it is not taken for damage to the picture. The
    application segments that define the colour transform stay.

    Raises: ImageError.
    """
    head, remarks = bytearray(_START), list[str]()
    frame = kind = adobe = 0
    components: tuple[Component, ...] = ()
    height = width = 0
    for marker, start, length in jpeg_segments(Source(data)):
        code, body = marker[0], data[start : start + length]
        if code == _SCAN:
            if adobe and head[adobe] > len(_TRANSFORMS):  # as libjpeg reads it, with a warning
                head[adobe] = _TRANSFORMS.get(len(components), 0)
            scans, ended = _scans(data, start, length, kind, components, remarks)
            return Stream(
                data,
                bytes(head),
                frame,
                kind,
                height,
                width,
                components,
                scans,
                ended,
                tuple(remarks),
            )
        if code in (_APP0, _APP14):
            body = _known_colours(code, body, remarks)
            if code == _APP14 and body.startswith(b"Adobe") and len(body) >= 12:
                adobe = len(head) + 4 + _TRANSFORM
        elif 0xE0 <= code <= 0xEF or code == _COMMENT:
            continue
        elif 0xC0 <= code <= 0xCF and code not in _TABLES and code != 0xC8:
            frame, kind = len(head) + 4, code
            height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
            components = tuple(
                Component(body[at], body[at + 1] >> 4, body[at + 1] & 15)
                for at in range(6, len(body) - 2, 3)
            )
        head += bytes((0xFF, code)) + (len(body) + 2).to_bytes(2, "big") + body
    raise ImageError(ErrorClass.DECODE, "the JPEG has no scan")


def _known_colours(code: int, body: bytes, remarks: list[str]) -> bytes:
    """Return a JFIF or Adobe segment that libjpeg takes without a warning, with equal meaning."""
    if code == _APP0 and body.startswith(b"JFIF\0") and body[5:6] not in (b"\1", b""):
        remarks.append(f"JFIF of version {body[5]}, which does not exist")
        return body[:5] + b"\1" + body[6:]
    if code == _APP14 and body.startswith(b"Adobe") and body[_TRANSFORM:] > b"\2\xff":
        remarks.append(f"Adobe colour transform {body[_TRANSFORM]}, which does not exist")
    return body


def _scans(
    data: Blob,
    start: int,
    length: int,
    kind: int,
    components: tuple[Component, ...],
    remarks: list[str],
) -> tuple[tuple[Scan, ...], bool]:
    """Walk from scan to scan; return them and whether the end marker was found."""
    scans: list[Scan] = []
    tables: list[tuple[int, int]] = []
    position, seen = start - 4, set[int]()
    while len(scans) <= MAX_SCANS:
        header = data[position : position + 4 + length]
        found = _MARKER.search(data, position + len(header))
        end = len(data) if found is None else found.start()
        scans.append(
            Scan(tuple(tables), _usual(header, kind, remarks), position + len(header), end)
        )
        seen |= set(_names(scans[-1]))
        tables = []
        if kind in _SEQUENTIAL and seen >= {each.name for each in components}:
            return tuple(scans), found is not None and found[0] == END
        while found is not None and found[1][0] != _SCAN:
            code = found[1][0]
            if code not in _TABLES and code != _COMMENT and not 0xE0 <= code <= 0xEF:
                return tuple(scans), found[0] == END
            length = int.from_bytes(data[found.start() + 2 : found.start() + 4], "big")
            after = found.start() + 2 + max(2, length)
            if code in _TABLES:
                tables.append((found.start(), min(after, len(data))))
            found = _MARKER.search(data, after)
        if found is None or found.start() + 4 > len(data):
            return tuple(scans), False
        position = found.start()
        length = int.from_bytes(data[position + 2 : position + 4], "big") - 2
        if length < 6 or position + 4 + length > len(data):
            return tuple(scans), False
    raise ImageError(ErrorClass.DECODE, f"the JPEG has more than {MAX_SCANS} scans")


def _usual(header: bytes, kind: int, remarks: list[str]) -> bytes:
    """Return a scan header; in sequential pictures with the only frequencies that make sense."""
    if kind not in _SEQUENTIAL or header[-3:] == b"\x00\x3f\x00":
        return header
    first, last, bits = header[-3:]
    remarks.append(f"a scan header with Ss {first}, Se {last} and AhAl {bits}")
    return header[:-3] + b"\x00\x3f\x00"


def _names(scan: Scan) -> Iterator[int]:
    """Iterate over the components of a scan."""
    body = scan.header[4:]
    return (body[1 + 2 * index] for index in range(min(body[0], (len(body) - 4) // 2)))
