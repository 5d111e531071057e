"""HEIF: colour information of the primary picture."""

from __future__ import annotations

from sr_core.imaging.codecs.heif import sequence
from sr_core.imaging.codecs.heif.header import opened
from sr_core.imaging.codecs.source import Source
from sr_core.imaging.colour import CodePoints, ColourFacts

_UNSPECIFIED = 2
_TELEVISION = frozenset({1, 6})
"""Transfer characteristics of BT.709 and BT.601."""


def colours(source: Source, notes: list[str]) -> list[ColourFacts]:
    """Return the ICC profile, and the code points of its nclx box or its sequence header.

    Those of a grid that has none are of its first tile.

    Source: ISO/IEC 14496-12, 12.1.5 (colr).
    """
    items, primary = opened(source)
    tile = items.coded(primary)[0]
    bodies = items.bodies(primary, b"colr") or items.bodies(tile, b"colr")
    icc = next((each[4:] for each in bodies if each[:4] in (b"prof", b"rICC")), None)
    points = next((_nclx(each) for each in bodies if each[:4] == b"nclx"), None)
    named = points is not None and {points.primaries, points.transfer} != {_UNSPECIFIED}
    if not icc and not named:
        found = [sequence.code_points(each) for each in items.bodies(tile, b"hvcC")]
        points = next((_of_photograph(each, notes) for each in found if each is not None), points)
    return [ColourFacts(icc=icc or None, code_points=points)]


def _nclx(body: bytes) -> CodePoints:
    """Return code points; the range is that of YUV, and decoders return RGB of full range."""
    return CodePoints(int.from_bytes(body[4:6]), int.from_bytes(body[6:8]))


def _of_photograph(points: CodePoints, notes: list[str]) -> CodePoints | None:
    """Return code points of a sequence header, unless they are those of television.

    Encoders of phones state those for any picture, and viewers show it as sRGB.
    """
    if points.transfer not in _TELEVISION:
        return points
    notes.append(
        f"the colours of television ({points.primaries}, {points.transfer}) in the HEVC sequence "
        "header were ignored, as viewers do"
    )
    return None
