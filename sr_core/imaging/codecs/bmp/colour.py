"""BMP: colour information of the headers of version 4 and 5."""

from __future__ import annotations

import struct

from sr_core.imaging.codecs.source import Source
from sr_core.imaging.colour import SRGB, ColourFacts, Space, calibrated

_HEADER = 14  # position of the information header
_VERSION_4, _VERSION_5 = 108, 124
_CALIBRATED, _LINKED, _EMBEDDED = 0, b"KNIL", b"DEBM"  # names are stored as little-endian numbers
_SRGB = (b"BGRs", b" niW")
_MOST_SPREAD = 1.01


def facts(source: Source, notes: list[str]) -> ColourFacts:
    """Return the embedded profile, the calibration or sRGB.

    Source: BITMAPV4HEADER (endpoints as XYZ in 2.30 fixed point, gammas in 16.16) and
    BITMAPV5HEADER (profile) of the Windows API.
    """
    size = source.number(_HEADER, 4, "little")
    if size not in (_VERSION_4, _VERSION_5):
        return ColourFacts()
    kind = source.take(_HEADER + 56, 4)
    if kind in _SRGB:
        return ColourFacts(enumerated=SRGB)
    if kind == _LINKED:
        notes.append("dropped: ICC profile of the BMP, which is in another file")
    if kind == _EMBEDDED and size == _VERSION_5:
        start, length = struct.unpack("<II", source.take(_HEADER + 112, 8))
        return ColourFacts(icc=source.take(_HEADER + start, length))
    if int.from_bytes(kind, "little") != _CALIBRATED:
        return ColourFacts()
    return ColourFacts(calibrated=_calibration(source, notes))


def _calibration(source: Source, notes: list[str]) -> Space | None:
    """Return the colour space of endpoints and gammas; None if they are empty or cannot be used."""
    values = struct.unpack("<9i3I", source.take(_HEADER + 60, 48))
    ends = [value / (1 << 30) for value in values[:9]]
    gammas = [value / (1 << 16) for value in values[9:]]
    if not any(ends) or not all(gammas):
        return None
    sums = [sum(ends[at : at + 3]) for at in (0, 3, 6)]
    white = [sum(ends[at::3]) for at in range(3)]
    if max(gammas) > min(gammas) * _MOST_SPREAD or min(sums) <= 0 or sum(white) <= 0:
        notes.append("dropped: calibration of the BMP, which cannot be used")
        return None
    primaries = [ends[3 * at + axis] / sums[at] for at in range(3) for axis in range(2)]
    gamma = gammas[0] if gammas[0] >= 1 else 1 / gammas[0]  # some writers store the encoding's
    return calibrated(gamma, [white[0] / sum(white), white[1] / sum(white)], primaries)
