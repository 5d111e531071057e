"""JPEG 2000: reading of header, metadata and pixels."""

from __future__ import annotations

import io
import struct

import imagecodecs
from PIL import Jpeg2KImagePlugin

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs.colour import Raster, from_cmyk, from_pillow, widened
from sr_core.imaging.codecs.formats import Header, Metadata
from sr_core.imaging.codecs.source import Source, boxes
from sr_core.scratch import Blob

_START = b"\xff\x4f\xff\x51"  # start of codestream, and the size segment that must follow
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_CMYK, _SRGB, _GREY, _SYCC = 12, 16, 17, 18  # enumerated colour spaces
_EXIF_ID = b"JpgTiffExif->JP2"
_XMP_ID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


def header(source: Source) -> Header:
    """Read size and samples from the header of the codestream, which the decoder uses.

    Raises: ImageError, NeedMoreBytes.
    Source: ITU-T T.800, A.5.1 (SIZ) and I.5.3.3 (colour specification).
    """
    start, space, _ = _container(source)
    if source.take(start, 4) != _START:
        raise ImageError(ErrorClass.DECODE, "the JPEG 2000 has no codestream")
    right, low, left, top = struct.unpack(">4I", source.take(start + 8, 16))
    count = source.number(start + 40, 2)
    if right <= left or low <= top or count == 0:
        raise ImageError(ErrorClass.DECODE, "the JPEG 2000 has no size")
    samples = {source.take(start + 42 + 3 * index, 3) for index in range(min(count, 5))}
    depth = next(iter(samples))[0] + 1  # signed samples set the highest bit: a depth above 128
    alike = len(samples) == 1 or (space == _SYCC and len({each[0] for each in samples}) == 1)
    supported = (_CMYK, _SRGB, _GREY, None) if depth > 8 else (_CMYK, _SRGB, _GREY, _SYCC, None)
    if not alike or count not in _MODES or depth > 16 or space not in supported:
        raise ImageError(
            ErrorClass.UNSUPPORTED_MODE,
            f"JPEG 2000 of {count} components of {depth} bits in colour space {space} "
            "is not supported",
        )
    mode = "CMYK" if space == _CMYK else "YCbCr" if space == _SYCC else _MODES[count]
    return Header(
        "JPEG2000",
        mode + ";16" if depth > 8 else mode,
        right - left,
        low - top,
        bit_depth=depth,
    )


def metadata(source: Source, notes: list[str]) -> Metadata:  # noqa: ARG001 - as all formats
    """Collect EXIF, XMP and ICC from the boxes."""
    found: dict[bytes, bytes] = {}
    if source.take(0, 4) == _START:
        return Metadata()
    for kind, start, length in boxes(source):
        if kind == b"uuid" and length > 16:
            found.setdefault(source.take(start, 16), source.take(start + 16, length - 16))
    block = found.get(_EXIF_ID)
    block = None if block is None else block.removeprefix(b"Exif\0\0")
    return Metadata(block, found.get(_XMP_ID), _container(source)[2])


def rasters(data: Blob, header: Header, icc: bytes | None) -> list[Raster]:
    """Decode the pixels.

    Raises: ImageError, and any exception of imagecodecs and Pillow.
    """
    if header.mode == "YCbCr":
        image = Jpeg2KImagePlugin.Jpeg2KImageFile(io.BytesIO(data))
        image.load()
        return [from_pillow(image, icc)]
    samples = widened(imagecodecs.jpeg2k_decode(data, numthreads=1), header.bit_depth)
    if header.mode.startswith("CMYK"):
        reduced = (samples >> 8).astype("uint8") if header.bit_depth > 8 else samples
        return [from_cmyk(reduced, icc, inverted=False)]
    return [Raster(samples, icc)]


def _container(source: Source) -> tuple[int, int | None, bytes | None]:
    """Return the position of the codestream, its enumerated colour space and its ICC profile.

    Colour space and profile are None if missing.
    """
    space, icc = None, None
    if source.take(0, 4) == _START:
        return 0, space, icc
    for kind, start, length in boxes(source):
        if kind == b"jp2c":
            return start, space, icc
        if kind != b"jp2h":
            continue
        for inner, at, size in boxes(source, start, start + length):
            if inner == b"colr" and source.number(at, 1) == 1 and space is None:
                space = source.number(at + 3, 4)
            elif inner == b"colr" and source.number(at, 1) in (2, 3):
                icc = source.take(at + 3, size - 3)
    raise ImageError(ErrorClass.DECODE, "the JPEG 2000 has no picture")
