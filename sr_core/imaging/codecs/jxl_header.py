"""The header of a JPEG XL codestream, up to the colour encoding."""

from __future__ import annotations

from dataclasses import dataclass

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs.source import Source, boxes

LINEAR_CURVE, SRGB_CURVE = 8, 13
_D65, _SRGB_PRIMARIES = 1, 1
_HEADER_BYTES = 512  # enough for size and image metadata unless a channel has a very long name
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))

# The four forms of each U32: bits to read, and the offset to add.
_SIDE = ((9, 1), (13, 1), (18, 1), (30, 1))
_DEPTH = ((0, 8), (0, 10), (0, 12), (6, 1))
_CHANNELS = ((0, 0), (0, 1), (4, 2), (12, 1))
_NAME = ((0, 0), (4, 0), (5, 16), (10, 48))
_SHIFT = ((0, 0), (0, 3), (0, 4), (3, 1))
_ENUM = ((0, 0), (0, 1), (4, 2), (6, 18))


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
    grey: bool = False
    primaries: bool = True
    """True if the primaries are those of sRGB."""
    curve: int = SRGB_CURVE
    """Transfer function, as the header numbers them."""
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
    extra = bits.choose(_CHANNELS)
    if extra > 1:
        raise ImageError(ErrorClass.UNSUPPORTED_MODE, f"JPEG XL with {extra} extra channels")
    if extra:
        facts.alpha, facts.premultiplied = True, _is_premultiplied(bits)
    bits.take(1)  # flag: the colours are XYB
    _read_colours(bits, facts)
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


def _read_colours(bits: _Bits, facts: Facts) -> None:
    """Read ColourEncoding."""
    if bits.take(1):
        return
    profile = bits.take(1)
    facts.grey = bits.choose(_ENUM) == 1
    facts.primaries, facts.curve = False, 0
    if profile or bits.choose(_ENUM) != _D65:
        return
    facts.primaries = facts.grey or bits.choose(_ENUM) == _SRGB_PRIMARIES
    if facts.primaries and not bits.take(1):
        facts.curve, facts.curve_end = bits.choose(_ENUM), bits.position


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
