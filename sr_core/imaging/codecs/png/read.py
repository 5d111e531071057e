"""PNG: reading of header, metadata and pixels."""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import cast

import imagecodecs
import numpy as np

from sr_core import scratch
from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs.formats import Header
from sr_core.imaging.codecs.png import damage
from sr_core.imaging.codecs.png.inflate import MAX_BYTES, inflated
from sr_core.imaging.codecs.png.metadata import exif_of
from sr_core.imaging.codecs.raster import Raster, model_of
from sr_core.imaging.codecs.source import Source, png_chunks
from sr_core.imaging.codecs.tags import exif
from sr_core.imaging.colour import SRGB, CodePoints, ColourFacts, Space, calibrated
from sr_core.imaging.pixels import Pixels
from sr_core.scratch import Blob

_MODES = {0: "L", 2: "RGB", 3: "P", 4: "LA", 6: "RGBA"}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_CHANNELS = {"1": 1, "L": 1, "LA": 2, "RGB": 3, "P": 3, "RGBA": 4, "PA": 4}
_CLEAR_MODES = {"L": "LA", "RGB": "RGBA", "P": "PA"}
_COLOURS = frozenset({b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP"})
# gAMA and cHRM of sRGB, in the units of the file: 1 / 100,000.
_SRGB_GAMMA = 45_455
_SRGB_CHROMATICITIES = (31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000)


def header(source: Source) -> Header:
    """Read size, samples, animation and orientation from the chunks before the picture.

    The orientation of EXIF after the picture is only known if the whole file is loaded.

    Raises: ImageError, NeedMoreBytes.
    """
    head, clear, frames = b"", False, 1
    for kind, start, _ in png_chunks(source):
        if kind == b"IHDR":
            head = source.take(start, 13)
        elif kind == b"acTL":
            frames = source.number(start, 4)
        elif kind == b"tRNS":
            clear = True
        elif kind in (b"IDAT", b"IEND"):
            break
    if len(head) != 13:
        raise ImageError(ErrorClass.DECODE, "the PNG has no header")
    width, height, depth, colour, *methods = struct.unpack(">IIBBBBB", head)
    if depth not in _DEPTHS.get(colour, ()) or methods not in ([0, 0, 0], [0, 0, 1]):
        raise ImageError(ErrorClass.DECODE, f"PNG of colour type {colour} and {depth} bits")
    mode = "1" if colour == 0 and depth == 1 and not clear else _MODES[colour]
    mode = _CLEAR_MODES.get(mode, mode) if clear else mode
    turn = _orientation(source)
    if turn >= 5:
        width, height = height, width
    return Header(
        "PNG",
        mode + ";16" if depth == 16 else mode,
        width,
        height,
        bit_depth=depth,
        animated=frames > 1,
        orientation=turn,
    )


def _orientation(source: Source) -> int:
    """Return the orientation of the EXIF block; 1 if there is none."""
    try:
        return exif.orientation(exif_of(source))
    except ImageError:  # the rest of the file is damaged
        return 1


def colours(source: Source, notes: list[str]) -> list[ColourFacts]:
    """Collect the colour chunks; add a note for anything that cannot be read.

    Source: PNG specification, third edition, 11.3.2.
    """
    found: dict[bytes, bytes] = {}
    for kind, start, length in png_chunks(source):
        if kind in _COLOURS and length <= MAX_BYTES:
            found.setdefault(kind, source.take(start, length))
        elif kind in _COLOURS:
            notes.append(f"dropped: PNG chunk {kind.decode()} that is too long, {length} bytes")
    icc = found.get(b"iCCP")
    if icc is not None:
        icc = inflated(icc.partition(b"\0")[2][1:])
        if icc is None:
            notes.append("dropped: ICC profile that is damaged or too large")
    return [
        ColourFacts(
            icc=icc,
            code_points=_code_points(found.get(b"cICP"), notes),
            enumerated=SRGB if b"sRGB" in found else None,
            calibrated=_calibration(found, notes),
        )
    ]


def rasters(data: Blob, header: Header) -> list[Raster]:
    """Decode the pixels; libpng expands palettes, low depths and transparent colours.

    Checksums and the end of the file are checked first, and a damaged file is decoded as a sound
    file of its known rows. libpng accepts files without their last bytes, and imagecodecs releases
    one reference of None too many for every damaged picture, until the interpreter crashes
    (imagecodecs 2026.3.6, Python before 3.12).

    Raises: ImageError, and any exception of imagecodecs.
    """
    found = damage.survey(data)
    if not found.remarks:
        with suppress(imagecodecs.PngError):
            decoded = _decoded(data, header)
            return [Raster(decoded, model_of(decoded), header.orientation)]
    repaired = damage.repaired(data, found)
    samples = damage.spread(_decoded(repaired.data, header), repaired.grid)
    warnings: tuple[str, ...] = ()
    if repaired.damage is None:
        remarks = found.remarks or ("a wrong checksum or data after the last row",)
        warnings = (f"the PNG is odd, but whole: {'; '.join(remarks)}",)
    return [Raster(samples, model_of(samples), header.orientation, warnings, repaired.damage)]


def _decoded(data: Blob, header: Header) -> Pixels:
    shape = (*header.stored_shape, _CHANNELS[header.mode.partition(";")[0]])
    dtype = np.uint16 if header.bit_depth == 16 else np.uint8
    samples = scratch.empty(shape if shape[2] > 1 else shape[:2], dtype)
    return cast("Pixels", imagecodecs.png_decode(data, out=samples))


def _code_points(body: bytes | None, notes: list[str]) -> CodePoints | None:
    """Return the code points of cICP; None, with a note, if their matrix is not that of RGB."""
    if body is None:
        return None
    if len(body) != 4 or body[2] != 0 or body[3] > 1:
        notes.append("dropped: invalid cICP chunk")
        return None
    return CodePoints(body[0], body[1], bool(body[3]))


def _calibration(found: dict[bytes, bytes], notes: list[str]) -> Space | None:
    """Return the colour space of gAMA and cHRM; None if they are missing."""
    if not {b"gAMA", b"cHRM"} & set(found):
        return None
    gamma, chromaticities = _SRGB_GAMMA, _SRGB_CHROMATICITIES
    if len(found.get(b"gAMA", b"")) == 4:
        gamma = int.from_bytes(found[b"gAMA"], "big")
    if len(found.get(b"cHRM", b"")) == 32:
        chromaticities = struct.unpack(">8I", found[b"cHRM"])
    if not 1_000 <= gamma <= 1_000_000:
        notes.append("dropped: impossible gamma")
        return None
    points = [value / 100_000 for value in chromaticities]
    return calibrated(100_000 / gamma, points[:2], points[2:])
