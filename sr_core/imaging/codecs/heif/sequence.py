"""HEVC: the colour description of a sequence parameter set."""

from __future__ import annotations

from sr_core.imaging.colour import CodePoints

_SEQUENCE = 33
"""NAL unit type of a sequence parameter set."""
_ARRAYS = 22
"""Position of the number of arrays of NAL units in hvcC."""
_EXTENDED_ASPECT = 255
_MOST_SETS = 64
"""Most sets of reference pictures in a sequence; a set has at most 16 pictures."""


class _Bits:
    """A reader of bits, highest first; past the end it returns zeros."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data), 8 * len(data)

    def take(self, count: int) -> int:
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1) if self._left >= 0 else 0

    def golomb(self) -> int:
        """Read an exponential-Golomb number."""
        zeros = 0
        while zeros < 32 and not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)


def code_points(configuration: bytes) -> CodePoints | None:
    """Return the code points in an hvcC box; None if it states none.

    Source: ISO/IEC 14496-15, 8.3.3.1.
    """
    position = _ARRAYS + 1
    for _ in range(configuration[_ARRAYS]):
        kind = configuration[position] & 63
        count = int.from_bytes(configuration[position + 1 : position + 3])
        position += 3
        for _ in range(count):
            size = int.from_bytes(configuration[position : position + 2])
            unit = configuration[position + 2 : position + 2 + size]
            if kind == _SEQUENCE:
                return _sequence(_Bits(unit[2:].replace(b"\0\0\3", b"\0\0")))
            position += 2 + size
    return None


def _sequence(bits: _Bits) -> CodePoints | None:
    """Read a sequence parameter set up to its colour description.

    Source: ITU-T H.265, 7.3.2.2 and E.2.1.
    """
    bits.take(4)
    layers = bits.take(3)
    bits.take(1)
    _profile(bits, layers)
    bits.golomb()
    if bits.golomb() == 3:  # chroma 4:4:4
        bits.take(1)
    for _ in range(2):
        bits.golomb()  # width and height
    if bits.take(1):
        for _ in range(4):
            bits.golomb()  # the conformance window
    bits.golomb(), bits.golomb()  # depths
    order_bits = bits.golomb() + 4
    ordered = bits.take(1)
    for _ in range(3 * (layers + 1 if ordered else 1)):
        bits.golomb()
    for _ in range(6):
        bits.golomb()  # sizes of blocks and transforms
    if bits.take(1) and bits.take(1):
        _scaling_lists(bits)
    bits.take(2)
    if bits.take(1):  # samples that are not predicted
        bits.take(8)
        bits.golomb()
        bits.golomb()
        bits.take(1)
    _reference_pictures(bits)
    if bits.take(1):  # long-term reference pictures
        for _ in range(bits.golomb()):
            bits.take(order_bits + 1)
    bits.take(2)
    return _usability(bits) if bits.take(1) else None


def _profile(bits: _Bits, layers: int) -> None:
    bits.take(96)
    present = [(bits.take(1), bits.take(1)) for _ in range(layers)]
    if layers:
        bits.take(2 * (8 - layers))
    for profile, level in present:
        bits.take(88 * profile + 8 * level)


def _scaling_lists(bits: _Bits) -> None:
    for size in range(4):
        for _ in range(0, 6, 3 if size == 3 else 1):
            if not bits.take(1):
                bits.golomb()
                continue
            for _ in range(min(64, 1 << (4 + 2 * size)) + (size > 1)):
                bits.golomb()


def _reference_pictures(bits: _Bits) -> None:
    """Skip the sets of short-term reference pictures.

    Source: ITU-T H.265, 7.3.7 and 7.4.8.
    """
    deltas = 0  # of the set before
    for index in range(min(bits.golomb(), _MOST_SETS)):
        if index and bits.take(1):
            bits.take(1)
            bits.golomb()
            # A picture that is not used for prediction may still be kept as a reference.
            deltas = sum(bits.take(1) or bits.take(1) for _ in range(deltas + 1))
            continue
        before, after = bits.golomb(), bits.golomb()
        deltas = min(before + after, _MOST_SETS)
        for _ in range(deltas):
            bits.golomb()
            bits.take(1)


def _usability(bits: _Bits) -> CodePoints | None:
    if bits.take(1) and bits.take(8) == _EXTENDED_ASPECT:
        bits.take(32)
    if bits.take(1):
        bits.take(1)  # overscan
    if not bits.take(1):
        return None
    bits.take(4)  # video format and range
    return CodePoints(bits.take(8), bits.take(8)) if bits.take(1) else None
