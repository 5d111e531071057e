"""The header of a JPEG XL codestream, up to the colour encoding."""

from __future__ import annotations

from dataclasses import dataclass

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs.source import Source, boxes
from sr_core.imaging.colour.spaces import (
    D65,
    DCI_WHITE,
    EQUAL_ENERGY,
    SRGB,
    Point,
    primaries_by_code_point,
)

LINEAR_CURVE, SRGB_CURVE = 8, 13
_HEADER_BYTES = 512  # enough for size and image metadata unless a channel has a very long name
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))

# The four forms of each U32: bits to read, and the offset to add.
_SIDE = ((9, 1), (13, 1), (18, 1), (30, 1))
_FLOAT_DEPTH = ((0, 32), (0, 16), (0, 24), (6, 1))
_DEPTH = ((0, 8), (0, 10), (0, 12), (6, 1))
_CHANNELS = ((0, 0), (0, 1), (4, 2), (12, 1))
_NAME = ((0, 0), (4, 0), (5, 16), (10, 48))
_FILTER = ((0, 1), (2, 0), (4, 3), (8, 19))
_SHIFT = ((0, 0), (0, 3), (0, 4), (3, 1))
_ENUM = ((0, 0), (0, 1), (4, 2), (6, 18))
_COORDINATE = ((19, 0), (19, 1 << 19), (20, 1 << 20), (21, 1 << 21))
_ALPHA, _BLACK, _COLOUR_FILTER = 0, 4, 5  # types of extra channels
CHANNEL_NAMES = {1: "depth", 2: "spot colour", 3: "selection mask", 6: "thermal"}
"""Types of extra channels that are dropped."""
_CUSTOM, _GREY = 2, 1
_WHITES = {1: D65, 10: EQUAL_ENERGY, 11: DCI_WHITE}
_PRIMARIES = {1: 1, 9: 9, 11: 12}  # as code points of ITU-T H.273


class _Bits:
    """A reader of bits, lowest first.

    Source: ISO/IEC 18181-1, annex B (u(n), Bool, U32, Enum).
    """

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "little")
        self._end = 8 * len(data)
        self.position = 0

    def take(self, count: int) -> int:
        value = self._value >> self.position & ((1 << count) - 1)
        self.position += count
        if self.position > self._end:
            raise ImageError(ErrorClass.DECODE, "the JPEG XL ends within its header")
        return value

    def choose(self, ways: tuple[tuple[int, int], ...]) -> int:
        bits, offset = ways[self.take(2)]
        return self.take(bits) + offset


@dataclass(slots=True)
class Facts:
    """Size, samples and colour encoding of a codestream."""

    height: int
    width: int
    orientation: int = 1
    depth: int = 8
    alpha: bool = False
    premultiplied: bool = False
    dropped: tuple[str, ...] = ()
    """Extra channels other than alpha."""
    grey: bool = False
    xyb: bool = True
    """True if the colours are coded as XYB, independent of the colour encoding."""
    profile: bool = False
    """True if an ICC profile is the colour encoding."""
    white: Point = SRGB.white
    primaries: tuple[Point, Point, Point] = SRGB.primaries
    gamma: float | None = None
    """Decoding exponent of the transfer function; None if `curve` names it."""
    curve: int = SRGB_CURVE
    """Transfer function, numbered as by ITU-T H.273."""
    curve_end: int = 0
    """End of the curve's number, in bits from the start of the codestream."""
    animated: bool = False


def read_facts(source: Source) -> Facts:
    """Read the header up to the colour encoding.

    Raises: ImageError, NeedMoreBytes.
    Source: ISO/IEC 18181-1, annex D (SizeHeader, ImageMetadata).
    """
    start = codestream(source)
    bits = _Bits(source.take(start, min(_HEADER_BYTES, source.size - start)))
    bits.take(16)  # the signature
    facts = Facts(*_size(bits))
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
    bits.take(1)  # flag: 16-bit buffers suffice
    for _ in range(bits.choose(_CHANNELS)):
        _read_extra_channel(bits, facts)
    facts.xyb = bool(bits.take(1))
    _read_colours(bits, facts)
    return facts


def _depth(bits: _Bits, *, extra: bool = False) -> int:
    """Read BitDepth; the samples of an extra channel may have any."""
    floating = bits.take(1)
    if floating and extra:
        bits.choose(_FLOAT_DEPTH)
        bits.take(4)
        return 0
    depth = 0 if floating else bits.choose(_DEPTH)
    if (floating or depth > 16) and not extra:
        kind = "float" if floating else f"{depth}-bit"
        raise ImageError(ErrorClass.UNSUPPORTED_MODE, f"JPEG XL of {kind} samples")
    return depth


def _read_extra_channel(bits: _Bits, facts: Facts) -> None:
    """Read ExtraChannelInfo. The first alpha is the picture's transparency."""
    kind, premultiplied = _ALPHA, False
    if not bits.take(1):
        kind = bits.choose(_ENUM)
        _depth(bits, extra=True)
        bits.choose(_SHIFT)
        bits.take(8 * bits.choose(_NAME))
        if kind == _ALPHA:
            premultiplied = bool(bits.take(1))
        elif kind == 2:
            bits.take(4 * 16)  # the ink as four half-precision numbers
        elif kind == _COLOUR_FILTER:
            bits.choose(_FILTER)
    if kind == _BLACK:
        raise ImageError(ErrorClass.UNSUPPORTED_MODE, "JPEG XL of CMYK")
    if kind == _ALPHA and not facts.alpha:
        facts.alpha, facts.premultiplied = True, premultiplied
    else:
        facts.dropped += (CHANNEL_NAMES.get(kind, "alpha" if kind == _ALPHA else "unknown"),)


def _read_colours(bits: _Bits, facts: Facts) -> None:
    """Read ColourEncoding.

    Source: ISO/IEC 18181-1, annex E.2.
    """
    if bits.take(1):
        return
    facts.profile = bool(bits.take(1))
    space = bits.choose(_ENUM)
    facts.grey = space == _GREY
    facts.curve = 0
    if facts.profile:
        return
    if space > _GREY:
        raise ImageError(ErrorClass.UNSUPPORTED_COLOUR, "JPEG XL of XYB or unknown colours")
    white = bits.choose(_ENUM)
    facts.white = _point(bits) if white == _CUSTOM else _WHITES.get(white, D65)
    if not facts.grey:
        kind = bits.choose(_ENUM)
        if kind == _CUSTOM:
            facts.primaries = (_point(bits), _point(bits), _point(bits))
        elif kind in _PRIMARIES:
            facts.primaries = primaries_by_code_point(_PRIMARIES[kind])
    if bits.take(1):
        facts.gamma = 1e7 / max(1, bits.take(24))
    else:
        facts.curve, facts.curve_end = bits.choose(_ENUM), bits.position


def _point(bits: _Bits) -> Point:
    """Read a chromaticity: two signed numbers, in millionths."""
    x, y = (bits.choose(_COORDINATE) for _ in range(2))
    return tuple((value >> 1 ^ -(value & 1)) / 1e6 for value in (x, y))  # type: ignore[return-value]


def codestream(source: Source) -> int:
    """Return the position of the codestream; a container may store it in one box or in several.

    Raises: ImageError if there is none; NeedMoreBytes.
    """
    start = 0
    if source.take(0, 2) != b"\xff\x0a":
        for box in boxes(source):
            if box.kind in (b"jxlc", b"jxlp"):
                start = box.start + (4 if box.kind == b"jxlp" else 0)
                break
    if source.take(start, 2) != b"\xff\x0a":
        raise ImageError(ErrorClass.DECODE, "the JPEG XL has no codestream")
    return start


def _size(bits: _Bits) -> tuple[int, int]:
    """Read SizeHeader: height and width."""
    small = bits.take(1)
    height = 8 * (bits.take(5) + 1) if small else bits.choose(_SIDE)
    ratio = bits.take(3)
    if ratio:
        numerator, denominator = _RATIOS[ratio - 1]
        return height, height * numerator // denominator
    return height, 8 * (bits.take(5) + 1) if small else bits.choose(_SIDE)
