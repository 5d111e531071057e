"""JPEG 2000: boxes of the file's header that describe colours and channels."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from sr_core import scratch
from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs.source import Source, boxes
from sr_core.imaging.colour import ROMM_RGB, SRGB, CodePoints, ColourFacts, LabEncoding
from sr_core.imaging.colour.spaces import D50, D65
from sr_core.scratch import Blob

CMYK, LAB, SRGB_SPACE, GREY, SYCC, ROMM = 12, 14, 16, 17, 18, 21
"""Enumerated colour spaces, of ITU-T T.800, table I.10, and T.801, table M.25."""
_ENUMERATED, _RESTRICTED, _ANY, _CODE_POINTS = 1, 2, 3, 5
_COLOUR_SPACES = {SRGB_SPACE: SRGB, SYCC: SRGB, GREY: SRGB, ROMM: ROMM_RGB}
_D50 = 0x00443530  # CIELAB's illuminant, as text
_WHITES = {_D50: D50, 0x00443635: D65}


@dataclass(frozen=True, slots=True)
class Container:
    """The boxes around a codestream."""

    codestream: int
    """Position of the codestream."""
    method: int | None = None
    """Method of the colour specification; None if there is none."""
    space: int | None = None
    """Enumerated colour space."""
    body: bytes = b""
    """The rest of the colour specification: a profile, or parameters."""
    colour_boxes: tuple[int, ...] = ()
    """Positions of the names of all colour specifications."""
    palette: int = 0
    """Channels that a palette makes; 0 without one."""
    channels: tuple[tuple[int, int], ...] = ()
    """Index and type of each channel, if the file defines them."""

    @property
    def alpha(self) -> tuple[int, bool] | None:
        """Index of the alpha channel, and whether the colours are premultiplied by it."""
        found = [each for each in self.channels if each[1] in (1, 2)]
        return (found[0][0], found[0][1] == 2) if found else None


def container(source: Source) -> Container:
    """Read the boxes. Of several colour specifications the first counts.

    Raises: ImageError, NeedMoreBytes.
    Source: ITU-T T.800, I.5.3.3 (colr), I.5.3.4 (pclr), I.5.3.6 (cdef).
    """
    found = Container(0)
    for kind, start, length in boxes(source):
        if kind == b"jp2c":
            return replace(found, codestream=start)
        if kind != b"jp2h":
            continue
        for inner, at, size in boxes(source, start, start + length):
            if inner == b"colr":
                if found.method is None:
                    found = _with_specification(found, source.take(at, size))
                found = replace(found, colour_boxes=(*found.colour_boxes, at - 4))
            elif inner == b"pclr" and size >= 3:
                found = replace(found, palette=source.number(at + 2, 1))
            elif inner == b"cdef":
                found = replace(found, channels=_channels(source.take(at, size)))
    raise ImageError(ErrorClass.DECODE, "the JPEG 2000 has no picture")


def facts(found: Container, depth: int) -> ColourFacts:
    """Return the colour information.

    Raises: ImageError with class unsupported_colour for an unknown space.
    """
    if found.method in (_RESTRICTED, _ANY):
        return ColourFacts(icc=found.body)
    if found.method == _CODE_POINTS:
        primaries, transfer = struct.unpack(">HH", found.body[:4])
        return ColourFacts(code_points=CodePoints(primaries, transfer))
    if found.space == LAB:
        return ColourFacts(lab=_lab(found.body, depth))
    if found.space in (None, CMYK):
        return ColourFacts()
    if found.space not in _COLOUR_SPACES:
        raise ImageError(ErrorClass.UNSUPPORTED_COLOUR, f"JPEG 2000 in colour space {found.space}")
    return ColourFacts(enumerated=_COLOUR_SPACES[found.space])


def without_colour(data: Blob, found: Container) -> Blob:
    """Return the file without its colour specifications, so that its decoder converts nothing."""
    if not found.colour_boxes:
        return data
    view, file, start = memoryview(data), scratch.Spool(), 0
    for place in found.colour_boxes:
        file.write(view[start:place], b"free")
        start = place + 4
    file.write(view[start:])
    return file.finish()


def _with_specification(found: Container, body: bytes) -> Container:
    method = body[0] if body else 0
    if method == _ENUMERATED and len(body) >= 7:
        space = int.from_bytes(body[3:7], "big")
        return replace(found, method=method, space=space, body=body[7:])
    if method in (_RESTRICTED, _ANY, _CODE_POINTS):
        return replace(found, method=method, body=body[3:])
    return found  # a vendor's method: the next specification may be known


def _channels(body: bytes) -> tuple[tuple[int, int], ...]:
    count = min(int.from_bytes(body[:2], "big"), max(0, len(body) - 2) // 6)
    entries = struct.iter_unpack(">HHH", body[2 : 2 + 6 * count])
    return tuple((index, kind) for index, kind, _ in entries)


def _lab(body: bytes, depth: int) -> LabEncoding:
    """Return the encoding of CIELAB, by its parameters or their defaults.

    Source: ITU-T T.801, M.11.7.4.1.
    """
    top = (1 << depth) - 1
    half = 1 << (depth - 1)
    values = (100, 0, 170, half, 200, (1 << depth) * 3 // 8, _D50)
    if len(body) >= 28:
        values = struct.unpack(">7I", body[:28])
    if values[6] not in _WHITES:
        raise ImageError(ErrorClass.UNSUPPORTED_COLOUR, f"CIELAB of illuminant {values[6]:#x}")
    (ranges, starts) = values[0:6:2], values[1:6:2]
    offsets = [-scale * start / top for scale, start in zip(ranges, starts, strict=True)]
    return LabEncoding(
        (float(ranges[0]), float(ranges[1]), float(ranges[2])),
        (offsets[0], offsets[1], offsets[2]),
        _WHITES[values[6]],
    )
