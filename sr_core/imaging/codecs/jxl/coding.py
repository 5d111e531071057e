"""JPEG XL: header, metadata, pixels, and lossless writing."""

from __future__ import annotations

import struct

import imagecodecs
import numpy as np

from sr_core.imaging.codecs.formats import Header
from sr_core.imaging.codecs.jxl import colour as jxl_colour
from sr_core.imaging.codecs.jxl.header import (
    LINEAR_CURVE,
    SRGB_CURVE,
    Facts,
    codestream,
    read_facts,
)
from sr_core.imaging.codecs.raster import Raster, straight, widened
from sr_core.imaging.codecs.source import Source, boxes
from sr_core.imaging.colour import ColourFacts, Curve, Space
from sr_core.imaging.colour.spaces import curve_by_code_point
from sr_core.imaging.metadata import Losses, Metadata
from sr_core.imaging.metadata.losses import printable
from sr_core.imaging.pixels import Pixels
from sr_core.scratch import Blob

_SIGNATURE = bytes.fromhex("0000000c4a584c200d0a870a")
_FILE_TYPE = bytes.fromhex("00000014667479706a786c20000000006a786c20")
_STRUCTURE = frozenset({b"JXL ", b"ftyp", b"jxll", b"jxlc", b"jxlp", b"jxli"})
_NAMES = {
    b"jumb": "C2PA manifest (JUMBF)",
    b"jbrd": "data to restore the JPEG file that the JPEG XL was made of",
    b"jhgm": "gain map for high dynamic range",
    b"Exif": "EXIF data that is damaged or the second",
    b"xml ": "XMP data that is damaged or the second",
}
_MAX_METADATA_BYTES = 1 << 24
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
    """Collect EXIF and XMP from the container, compressed or not; name what is dropped.

    Source: ISO/IEC 18181-2, section 9 (boxes; brob is Brotli).
    """
    found: dict[bytes, bytes] = {}
    if source.take(0, 2) == b"\xff\x0a":
        return Metadata()
    losses = Losses()
    for kind, start, length in boxes(source):
        if kind in _STRUCTURE:
            continue
        name, body = _content(kind, source.take(start, length))
        if name in (b"Exif", b"xml ") and body is not None and name not in found:
            found[name] = body
        else:
            losses.add(_NAMES.get(name, f"box {printable(name)} of JPEG XL"), length)
    notes += losses.warnings()
    block = found.get(b"Exif")
    if block is not None:  # starts with the offset of the TIFF structure
        block = block[4 + int.from_bytes(block[:4], "big") :]
    return Metadata(block, found.get(b"xml "))


def _content(kind: bytes, body: bytes) -> tuple[bytes, bytes | None]:
    """Return the kind of a box and its content; None if it is compressed and damaged."""
    if kind != b"brob":
        return kind, body
    try:
        return body[:4], bytes(imagecodecs.brotli_decode(body[4:], out=_MAX_METADATA_BYTES))
    except RuntimeError:
        return body[:4], None


def colours(source: Source, notes: list[str]) -> list[ColourFacts]:  # noqa: ARG001 - as all formats
    """Return the ICC profile or the enumerated colour encoding.

    Raises: ImageError with class unsupported_colour for PQ, HLG and unknown curves.
    """
    facts = read_facts(source)
    if facts.profile:
        return [ColourFacts(icc=jxl_colour.profile(source.whole()))]
    curve = curve_by_code_point(facts.curve) if facts.gamma is None else Curve(facts.gamma)
    space = Space("JPEG XL", facts.white, facts.primaries, curve)
    return [ColourFacts(enumerated=space)]


def rasters(data: Blob, header: Header) -> list[Raster]:
    """Decode the pixels, upright, to the colour encoding of the file.

    Raises: ImageError, and any exception of imagecodecs.
    """
    facts = read_facts(Source(data))
    samples = widened(_decoded(data, header, facts), facts.depth)
    if facts.premultiplied:
        samples = straight(samples)
    dropped = sorted(set(facts.dropped))
    warnings = (f"dropped: extra channels: {', '.join(dropped)}",) if dropped else ()
    return [Raster(samples, "grey" if facts.grey else "rgb", warnings=warnings)]


def _decoded(data: Blob, header: Header, facts: Facts) -> Pixels:
    """Decode to (H, W) or (H, W, C); XYB with a profile by libjxl's own colour management."""
    if facts.profile and facts.xyb:
        channels = (1 if facts.grey else 3) + facts.alpha
        shape = (header.height_px, header.width_px, channels)
        return jxl_colour.decode(data, shape, deep=facts.depth > 8)
    samples: Pixels = imagecodecs.jpegxl_decode(data, numthreads=1)
    if facts.grey and facts.dropped and not facts.alpha:
        return np.ascontiguousarray(
            samples[0]
        )  # imagecodecs puts grey and its extra channels into planes
    return samples


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
