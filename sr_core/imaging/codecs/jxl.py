"""JPEG XL: header, metadata, pixels, and lossless writing."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import imagecodecs

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs.colour import Raster, straight, widened
from sr_core.imaging.codecs.formats import Header, Metadata
from sr_core.imaging.codecs.source import Source, boxes
from sr_core.imaging.pixels import Pixels

_SIGNATURE = bytes.fromhex("0000000c4a584c200d0a870a")
_FILE_TYPE = bytes.fromhex("00000014667479706a786c20000000006a786c20")
_HEADER_BYTES = 512  # more than size and image metadata can have, but for a very long name
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_EFFORT = 1
"""libjxl's fastest way to write without loss, ten times as fast as the next."""

# The ways of each U32: bits to read, and what to add to them.
_SIDE = ((9, 1), (13, 1), (18, 1), (30, 1))
_DEPTH = ((0, 8), (0, 10), (0, 12), (6, 1))
_CHANNELS = ((0, 0), (0, 1), (4, 2), (12, 1))
_NAME = ((0, 0), (4, 0), (5, 16), (10, 48))
_SHIFT = ((0, 0), (0, 3), (0, 4), (3, 1))
_ENUM = ((0, 0), (0, 1), (4, 2), (6, 18))
_D65, _SRGB_PRIMARIES, _SRGB_CURVE = 1, 1, 13


class _Bits:
    """Read bits, lowest first.

    Source: ISO/IEC 18181-1, annex B (u(n), Bool, U32, Enum).
    """

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "little")

    def take(self, count: int) -> int:
        value = self._value & ((1 << count) - 1)
        self._value >>= count
        return value

    def choose(self, ways: tuple[tuple[int, int], ...]) -> int:
        bits, offset = ways[self.take(2)]
        return self.take(bits) + offset


@dataclass(slots=True)
class _Facts:
    """What the image metadata say, as far as it matters here."""

    orientation: int = 1
    depth: int = 8
    alpha: bool = False
    premultiplied: bool = False
    grey: bool = False
    srgb: bool = True
    animated: bool = False


def header(source: Source) -> Header:
    """Read size, samples, animation and orientation, which the decoder applies.

    Raises: ImageError, NeedMoreBytes.
    Source: ISO/IEC 18181-1, annex D (SizeHeader, ImageMetadata).
    """
    bits = _bits(source)
    height, width = _size(bits)
    facts = _facts(bits)
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
    """Collect EXIF and XMP from the container; compressed boxes are inflated."""
    found: dict[bytes, bytes] = {}
    if source.take(0, 2) == b"\xff\x0a":
        return Metadata()
    for kind, start, length in boxes(source):
        if kind in (b"Exif", b"xml "):
            found.setdefault(kind, source.take(start, length))
        elif kind == b"brob":
            notes.append("compressed metadata of the JPEG XL were dropped")
    block = found.get(b"Exif")
    if block is not None:  # begins with the distance to the TIFF structure
        block = block[4 + int.from_bytes(block[:4], "big") :]
    return Metadata(block, found.get(b"xml "))


def rasters(data: bytes, header: Header, icc: bytes | None) -> list[Raster]:  # noqa: ARG001
    """Decode the pixels, upright.

    Raises: what imagecodecs raises.
    """
    bits = _bits(Source(data))
    _size(bits)
    facts = _facts(bits)
    samples = widened(imagecodecs.jpegxl_decode(data, numthreads=1), facts.depth)
    if facts.premultiplied:
        samples = straight(samples)
    warnings = () if facts.srgb else ("the colour space of the JPEG XL was taken as sRGB",)
    return [Raster(samples, None, warnings=warnings)]


def encode(samples: Pixels, metadata: Metadata) -> bytes:
    """Write (H, W, 1..4) uint8 or uint16 sRGB without loss; a container only where it is needed.

    Source: ISO/IEC 18181-2, section 9 (boxes).
    """
    data: bytes = imagecodecs.jpegxl_encode(
        samples[:, :, 0] if samples.shape[2] == 1 else samples,
        lossless=True,
        effort=_EFFORT,
        numthreads=1,
        usecontainer=False,
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


def _bits(source: Source) -> _Bits:
    """Find the codestream, which a container may keep in one box or in parts."""
    start = 0
    if source.take(0, 2) != b"\xff\x0a":
        for box in boxes(source):
            if box.kind in (b"jxlc", b"jxlp"):
                start = box.start + (4 if box.kind == b"jxlp" else 0)
                break
    if source.take(start, 2) != b"\xff\x0a":
        raise ImageError(ErrorClass.DECODE, "the JPEG XL has no codestream")
    return _Bits(source.take(start + 2, min(_HEADER_BYTES, source.size - start - 2)))


def _size(bits: _Bits) -> tuple[int, int]:
    """Read SizeHeader: height and width."""
    small = bits.take(1)
    height = 8 * (bits.take(5) + 1) if small else bits.choose(_SIDE)
    ratio = bits.take(3)
    if ratio:
        numerator, denominator = _RATIOS[ratio - 1]
        return height, height * numerator // denominator
    return height, 8 * (bits.take(5) + 1) if small else bits.choose(_SIDE)


def _facts(bits: _Bits) -> _Facts:
    """Read ImageMetadata up to the colour encoding."""
    facts = _Facts()
    if bits.take(1):
        return facts
    if bits.take(1):
        facts.orientation = 1 + bits.take(3)
        if bits.take(1):
            _size(bits)  # intrinsic size
        if bits.take(1):
            raise ImageError(ErrorClass.UNSUPPORTED_MODE, "JPEG XL with a preview")
        if bits.take(1):
            facts.animated = True
            return facts
    facts.depth = _depth(bits)
    bits.take(1)  # whether 16-bit buffers suffice
    extra = bits.choose(_CHANNELS)
    if extra > 1:
        raise ImageError(ErrorClass.UNSUPPORTED_MODE, f"JPEG XL with {extra} extra channels")
    if extra:
        facts.alpha, facts.premultiplied = True, _is_premultiplied(bits)
    bits.take(1)  # whether the colours are XYB
    facts.grey, facts.srgb = _colours(bits)
    return facts


def _depth(bits: _Bits) -> int:
    floating = bits.take(1)
    depth = 0 if floating else bits.choose(_DEPTH)
    if floating or depth > 16:
        kind = "float" if floating else f"{depth}-bit"
        raise ImageError(ErrorClass.UNSUPPORTED_MODE, f"JPEG XL of {kind} samples")
    return depth


def _is_premultiplied(bits: _Bits) -> bool:
    """Read ExtraChannelInfo of the only extra channel, which must be alpha."""
    if bits.take(1):
        return False
    if bits.choose(_ENUM) != 0:
        raise ImageError(ErrorClass.UNSUPPORTED_MODE, "JPEG XL with a channel other than alpha")
    _depth(bits)
    bits.choose(_SHIFT)
    bits.take(8 * bits.choose(_NAME))
    return bool(bits.take(1))


def _colours(bits: _Bits) -> tuple[bool, bool]:
    """Read ColourEncoding: whether it is grey, and whether it is sRGB."""
    if bits.take(1):
        return False, True
    profile, grey = bits.take(1), bits.choose(_ENUM) == 1
    if profile or bits.choose(_ENUM) != _D65:
        return grey, False
    if not grey and bits.choose(_ENUM) != _SRGB_PRIMARIES:
        return grey, False
    return grey, not bits.take(1) and bits.choose(_ENUM) == _SRGB_CURVE
