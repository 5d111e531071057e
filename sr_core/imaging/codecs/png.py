"""PNG: header, metadata, pixels, and fast writing."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import imagecodecs
import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs import exif
from sr_core.imaging.codecs.colour import Raster
from sr_core.imaging.codecs.formats import Header, Metadata
from sr_core.imaging.codecs.source import PNG_SIGNATURE, Source, png_chunks
from sr_core.imaging.pixels import Pixels

_MODES = {0: "L", 2: "RGB", 3: "P", 4: "LA", 6: "RGBA"}
_CLEAR_MODES = {"L": "LA", "RGB": "RGBA", "P": "PA"}
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # by channels
_XMP = b"XML:com.adobe.xmp"
_MAX_METADATA_BYTES = 1 << 24
_STRIP_BYTES = 1 << 20
_METRES_PER_INCH = 0.0254


def header(source: Source) -> Header:
    """Read size, samples, animation and orientation from the chunks before the picture.

    EXIF after the picture is not looked at for its orientation, as in browsers.

    Raises: ImageError, NeedMoreBytes.
    """
    head, turn, clear, frames = b"", 1, False, 1
    for kind, start, length in png_chunks(source):
        if kind == b"IHDR":
            head = source.take(start, 13)
        elif kind == b"eXIf" and length <= _MAX_METADATA_BYTES:
            turn = exif.orientation(source.take(start, length))
        elif kind == b"acTL":
            frames = source.number(start, 4)
        elif kind == b"tRNS":
            clear = True
        elif kind in (b"IDAT", b"IEND"):
            break
    if len(head) != 13:
        raise ImageError(ErrorClass.DECODE, "the PNG has no header")
    width, height, depth, colour = struct.unpack(">IIBB", head[:10])
    if colour not in _MODES or depth not in (1, 2, 4, 8, 16):
        raise ImageError(ErrorClass.DECODE, f"PNG of colour type {colour} and {depth} bits")
    mode = "1" if colour == 0 and depth == 1 and not clear else _MODES[colour]
    mode = _CLEAR_MODES.get(mode, mode) if clear else mode
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


def metadata(source: Source, notes: list[str]) -> Metadata:
    """Collect EXIF, XMP, ICC and resolution; what cannot be read is noted."""
    found: dict[str, bytes | None] = {}
    dpi = None
    for kind, start, length in png_chunks(source):
        if kind not in (b"eXIf", b"iTXt", b"iCCP", b"pHYs") or length > _MAX_METADATA_BYTES:
            continue
        body = source.take(start, length)
        if kind == b"eXIf":
            found["exif"] = body
        elif kind == b"iTXt" and body.startswith(_XMP + b"\0"):
            found["xmp"] = _text(body, notes)
        elif kind == b"iCCP":
            found["icc"] = _inflated(body.partition(b"\0")[2][1:], "ICC profile", notes)
        elif kind == b"pHYs" and length == 9 and body[8] == 1:
            wide, high = struct.unpack(">II", body[:8])
            dpi = (wide * _METRES_PER_INCH, high * _METRES_PER_INCH) if wide and high else None
    return Metadata(found.get("exif"), found.get("xmp"), found.get("icc"), dpi)


def rasters(data: bytes, header: Header, icc: bytes | None) -> list[Raster]:
    """Decode the pixels; libpng expands palettes, low depths and transparent colours.

    Raises: ImageError where the file is cut off, which libpng does not notice at its very end.
    """
    for _ in png_chunks(Source(data)):
        pass
    return [Raster(imagecodecs.png_decode(data), icc, header.orientation)]


def encode(samples: Pixels, metadata: Metadata) -> bytes:
    """Write (H, W, 1..4) uint8 or uint16: the up filter and ISA-L's deflate, strip by strip.

    Raises: OverflowError where the compressed picture does not fit the format.
    Source: PNG specification, third edition; the filter is type 2 of section 9.
    """
    height, width, channels = samples.shape
    depth = samples.itemsize * 8
    head = struct.pack(">IIBBBBB", width, height, depth, _COLOUR_TYPES[channels], 0, 0, 0)
    chunks = [PNG_SIGNATURE, *_chunk(b"IHDR", head)]
    if metadata.icc is not None:
        chunks += _chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc))
    if metadata.dpi is not None:
        wide, high = (min(1 << 31, round(value / _METRES_PER_INCH)) for value in metadata.dpi)
        chunks += _chunk(b"pHYs", struct.pack(">IIB", wide, high, 1))
    if metadata.exif is not None:
        chunks += _chunk(b"eXIf", metadata.exif)
    if metadata.xmp is not None:
        chunks += _chunk(b"iTXt", _XMP + b"\0\0\0\0\0" + metadata.xmp)
    compressor = isal_zlib.compressobj(1)
    for strip in _filtered(samples):
        chunks += _chunk(b"IDAT", compressor.compress(strip))
    chunks += _chunk(b"IDAT", compressor.flush())
    return b"".join([*chunks, *_chunk(b"IEND", b"")])


def _filtered(samples: Pixels) -> Iterator[NDArray[np.uint8]]:
    """Yield strips of rows, each its filter type and the differences to the row above.

    The strips share one buffer.
    """
    rows = samples.reshape(samples.shape[0], -1)
    row_bytes = rows.shape[1] * rows.itemsize
    step = max(1, _STRIP_BYTES // row_bytes)
    above = np.zeros(row_bytes, np.uint8)
    strip = np.empty((step, row_bytes + 1), np.uint8)
    strip[:, 0] = 2
    for top in range(0, len(rows), step):
        part = rows[top : top + step]
        part = (part.astype(">u2") if part.dtype == np.uint16 else part).view(np.uint8)
        np.subtract(part[0], above, out=strip[0, 1:])
        np.subtract(part[1:], part[:-1], out=strip[1 : len(part), 1:])
        above = part[-1]
        yield strip[: len(part)]


def _chunk(kind: bytes, body: bytes) -> tuple[bytes, ...]:
    """Frame a chunk; empty pieces of the picture are left out."""
    if not body and kind == b"IDAT":
        return ()
    check = isal_zlib.crc32(body, isal_zlib.crc32(kind))
    return struct.pack(">I", len(body)) + kind, body, struct.pack(">I", check)


def _text(body: bytes, notes: list[str]) -> bytes | None:
    """Return the text of an iTXt chunk: keyword, flag, method, language, translation, text."""
    rest = body.partition(b"\0")[2]
    compressed = rest[:1] == b"\1"
    text = rest[2:].split(b"\0", 2)[-1]
    return _inflated(text, "XMP", notes) if compressed else text


def _inflated(data: bytes, name: str, notes: list[str]) -> bytes | None:
    """Inflate at most what metadata may have; None and a note for anything else."""
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(data, _MAX_METADATA_BYTES)
    except zlib.error:
        content = b""
    if inflater.eof:
        return content
    notes.append(f"the {name} is damaged or too large and was dropped")
    return None
