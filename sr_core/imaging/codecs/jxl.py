"""JPEG XL: header, metadata, pixels, and lossless writing."""

from __future__ import annotations

import struct

import imagecodecs

from sr_core.imaging.codecs.colour import Raster, straight, widened
from sr_core.imaging.codecs.formats import Header, Metadata
from sr_core.imaging.codecs.jxl_header import LINEAR_CURVE, SRGB_CURVE, codestream, read_facts
from sr_core.imaging.codecs.source import Source, boxes
from sr_core.imaging.pixels import Pixels
from sr_core.scratch import Blob

_SIGNATURE = bytes.fromhex("0000000c4a584c200d0a870a")
_FILE_TYPE = bytes.fromhex("00000014667479706a786c20000000006a786c20")
_EFFORT = 1
"""libjxl's fastest lossless effort, ten times as fast as the next one."""


def header(source: Source) -> Header:
    """Read size, samples, animation and orientation; the decoder applies the orientation itself.

    Raises: ImageError, NeedMoreBytes.
    """
    facts = read_facts(source)
    height, width = facts.height, facts.width
    mode = ("L" if facts.grey else "RGB") + ("A" if facts.alpha else "")
    if facts.orientation >= 5:
        width, height = height, width
    return Header(
        "JXL",
        mode + ";16" if facts.depth > 8 else mode,
        width,
        height,
        bit_depth=facts.depth,
        animated=facts.animated,
        orientation=facts.orientation,
    )


def metadata(source: Source, notes: list[str]) -> Metadata:
    """Collect EXIF and XMP from the container; compressed boxes are dropped with a warning."""
    found: dict[bytes, bytes] = {}
    if source.take(0, 2) == b"\xff\x0a":
        return Metadata()
    for kind, start, length in boxes(source):
        if kind in (b"Exif", b"xml "):
            found.setdefault(kind, source.take(start, length))
        elif kind == b"brob":
            notes.append("compressed metadata of the JPEG XL was dropped")
    block = found.get(b"Exif")
    if block is not None:  # starts with the offset of the TIFF structure
        block = block[4 + int.from_bytes(block[:4], "big") :]
    return Metadata(block, found.get(b"xml "))


def rasters(data: Blob, header: Header, icc: bytes | None) -> list[Raster]:  # noqa: ARG001
    """Decode the pixels, upright.

    Raises: ImageError, and any exception of imagecodecs.
    """
    facts = read_facts(Source(data))
    samples = widened(imagecodecs.jpegxl_decode(data, numthreads=1), facts.depth)
    if facts.premultiplied:
        samples = straight(samples)
    srgb = facts.primaries and facts.curve == SRGB_CURVE
    warnings = () if srgb else ("the colour space of the JPEG XL was assumed to be sRGB",)
    return [Raster(samples, None, warnings=warnings)]


def encode(samples: Pixels, metadata: Metadata) -> bytes:
    """Write (H, W, 1..4) uint8 or uint16 sRGB losslessly, in a container only if there is metadata.

    Source: ISO/IEC 18181-2, section 9 (boxes).
    """
    plain = samples[:, :, 0] if samples.shape[2] == 1 else samples
    data = _as_srgb(
        bytes(imagecodecs.jpegxl_encode(plain, lossless=True, effort=_EFFORT, numthreads=1))
    )
    found = []
    if metadata.exif is not None:
        found.append(_box(b"Exif", bytes(4) + metadata.exif))
    if metadata.xmp is not None:
        found.append(_box(b"xml ", metadata.xmp))
    if not found:
        return data
    if not data.startswith(_SIGNATURE):
        data = b"".join([_SIGNATURE, _FILE_TYPE, _box(b"jxlc", data)])
    return b"".join([data, *found])


def _box(kind: bytes, body: bytes) -> bytes:
    length = len(body) + 8
    if length < 1 << 32:
        return struct.pack(">I", length) + kind + body
    return struct.pack(">I", 1) + kind + struct.pack(">Q", length + 8) + body


def _as_srgb(data: bytes) -> bytes:
    """Set the transfer curve to sRGB; imagecodecs labels 16-bit samples as linear.

    The header codes both curves as 2 plus four bits, so only these four bits change.
    """
    source = Source(data)
    facts = read_facts(source)
    if facts.curve != LINEAR_CURVE:
        return data
    changed = (LINEAR_CURVE - 2) ^ (SRGB_CURVE - 2)
    first, shift = divmod(facts.curve_end - 4, 8)
    place = codestream(source) + first
    pair = int.from_bytes(data[place : place + 2], "little") ^ changed << shift
    return b"".join([data[:place], pair.to_bytes(2, "little"), data[place + 2 :]])
