"""AV1: the colour description of a sequence header."""

from __future__ import annotations

from sr_core.imaging.colour import CodePoints

_SEQUENCE_HEADER = 1
_SELECT = 2  # SELECT_SCREEN_CONTENT_TOOLS


class _Bits:
    """A reader of bits, highest first; past the end it returns zeros."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def take(self, count: int) -> int:
        self._left -= count
        return self._value >> max(0, self._left) & ((1 << count) - 1) if self._left >= 0 else 0


def code_points(data: bytes) -> CodePoints | None:
    """Return the code points of the first sequence header among open bitstream units, if any.

    Source: AV1 bitstream specification, 5.3 (OBU), 4.10.5 (leb128).
    """
    position = 0
    while position < len(data):
        head = data[position]
        position += 2 if head & 4 else 1
        size, shift = 0, 0
        while head & 2 and position < len(data):
            size |= (data[position] & 0x7F) << shift
            shift, position = shift + 7, position + 1
            if not data[position - 1] & 0x80:
                break
        if head >> 3 & 15 == _SEQUENCE_HEADER:
            return _sequence(_Bits(data[position : position + size]))
        if not head & 2:
            return None
        position += size
    return None


def _sequence(bits: _Bits) -> CodePoints | None:
    """Read sequence_header_obu up to its colour description.

    Source: AV1 bitstream specification, 5.5.1 and 5.5.2.
    """
    profile, _, reduced = bits.take(3), bits.take(1), bits.take(1)
    if reduced:
        bits.take(5)  # the level
    else:
        _operating_points(bits)
    wide, high = bits.take(4) + 1, bits.take(4) + 1
    bits.take(wide + high)
    if not reduced and bits.take(1):
        bits.take(7)  # lengths of frame numbers
    bits.take(3)  # tools of intra pictures
    if not reduced:
        _inter_tools(bits)
    bits.take(3)  # superres, cdef, restoration
    if bits.take(1) and profile == 2:  # high bit depth
        bits.take(1)
    if profile != 1:
        bits.take(1)  # monochrome
    if not bits.take(1):
        return None
    return CodePoints(bits.take(8), bits.take(8))


def _operating_points(bits: _Bits) -> None:
    """Skip timing and operating points."""
    delay_bits = 0
    if bits.take(1):
        bits.take(64)
        if bits.take(1):  # equal intervals: an exponential-Golomb number
            zeros = 0
            while zeros < 32 and not bits.take(1):
                zeros += 1
            bits.take(zeros)
        if bits.take(1):
            delay_bits = bits.take(5) + 1
            bits.take(42)
    display_delay = bits.take(1)
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > 7:
            bits.take(1)
        if delay_bits and bits.take(1):
            bits.take(2 * delay_bits + 1)
        if display_delay and bits.take(1):
            bits.take(4)


def _inter_tools(bits: _Bits) -> None:
    """Skip the tools of predicted pictures."""
    bits.take(4)
    ordered = bits.take(1)
    if ordered:
        bits.take(2)
    forced = _SELECT if bits.take(1) else bits.take(1)
    if forced and not bits.take(1):
        bits.take(1)
    if ordered:
        bits.take(3)
