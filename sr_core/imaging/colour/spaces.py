"""Colour spaces: white point, primaries and transfer curve, and the code points naming them."""

from __future__ import annotations

from dataclasses import dataclass

from sr_core.errors import ErrorClass, ImageError

Point = tuple[float, float]
"""CIE 1931 chromaticity, (x, y)."""
D65, DCI_WHITE, EQUAL_ENERGY = (0.3127, 0.3290), (0.314, 0.351), (1 / 3, 1 / 3)
D50 = (0.3457, 0.3585)
_ILLUMINANT_C = (0.310, 0.316)


@dataclass(frozen=True, slots=True)
class Curve:
    """Transfer function from encoded values x to linear light, both from 0 to 1.

    (scale * x + offset) ** gamma if x >= limit, otherwise slope * x: the parametric curve of
    type 3 of ICC.1:2022, section 10.18.
    """

    gamma: float
    scale: float = 1.0
    offset: float = 0.0
    slope: float = 0.0
    limit: float = 0.0


@dataclass(frozen=True, slots=True)
class Space:
    """A colour space of red, green and blue; grey uses its white point and curve alone."""

    name: str
    white: Point
    primaries: tuple[Point, Point, Point]
    """Chromaticities of red, green and blue."""
    curve: Curve


SRGB_CURVE = Curve(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_BT709_CURVE = Curve(1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081)
_SMPTE240_CURVE = Curve(1 / 0.45, 1 / 1.1115, 0.1115 / 1.1115, 1 / 4.0, 0.0912)
_ROMM_CURVE = Curve(1.8, 1.0, 0.0, 1 / 16, 16 * 16 ** (-1.8 / 0.8))

SRGB = Space("sRGB", D65, ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)), SRGB_CURVE)
DISPLAY_P3 = Space("Display P3", D65, ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)), SRGB_CURVE)
ADOBE_RGB = Space(
    "Adobe RGB (1998)", D65, ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), Curve(563 / 256)
)
ROMM_RGB = Space(
    "ROMM RGB", D50, ((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)), _ROMM_CURVE
)

_PRIMARIES: dict[int, tuple[str, Point, tuple[Point, Point, Point]]] = {
    1: ("BT.709", D65, SRGB.primaries),
    4: ("BT.470 M", _ILLUMINANT_C, ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08))),
    5: ("BT.470 BG", D65, ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06))),
    6: ("BT.601", D65, ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070))),
    7: ("SMPTE 240M", D65, ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070))),
    8: ("film", _ILLUMINANT_C, ((0.681, 0.319), (0.243, 0.692), (0.145, 0.049))),
    9: ("BT.2020", D65, ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))),
    11: ("DCI-P3", DCI_WHITE, DISPLAY_P3.primaries),
    12: ("P3 D65", D65, DISPLAY_P3.primaries),
    22: ("EBU 3213", D65, ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077))),
}
_CURVES: dict[int, tuple[str, Curve]] = {
    1: ("BT.709", _BT709_CURVE),
    4: ("gamma 2.2", Curve(2.2)),
    5: ("gamma 2.8", Curve(2.8)),
    6: ("BT.601", _BT709_CURVE),
    7: ("SMPTE 240M", _SMPTE240_CURVE),
    8: ("linear", Curve(1.0)),
    11: ("xvYCC", _BT709_CURVE),  # equals BT.709 from 0 to 1
    12: ("BT.1361", _BT709_CURVE),  # equals BT.709 from 0 to 1
    13: ("sRGB", SRGB_CURVE),
    14: ("BT.2020", _BT709_CURVE),
    15: ("BT.2020", Curve(1 / 0.45, 1 / 1.0993, 0.0993 / 1.0993, 1 / 4.5, 4.5 * 0.0181)),
    17: ("DCI", Curve(2.6, (52.37 / 48) ** (1 / 2.6))),  # the projector's white is below 1
}
_HIGH_DYNAMIC_RANGE = {16: "PQ", 18: "HLG"}
_UNSPECIFIED = 2


def by_code_points(primaries: int, transfer: int) -> Space | None:
    """Return the colour space of coding-independent code points; None if both are unspecified.

    If one of them is unspecified, that of sRGB takes its place.

    Raises: ImageError with class unsupported_colour for PQ, HLG and code points without a curve.
    Source: ITU-T H.273, tables 2 (primaries) and 3 (transfer characteristics).
    """
    # Writers that leave the numbers at 0, which is reserved, state nothing either.
    primaries, transfer = primaries or _UNSPECIFIED, transfer or _UNSPECIFIED
    if primaries == transfer == _UNSPECIFIED:
        return None
    if transfer in _HIGH_DYNAMIC_RANGE:
        raise ImageError(
            ErrorClass.UNSUPPORTED_COLOUR,
            f"high dynamic range ({_HIGH_DYNAMIC_RANGE[transfer]}) is not supported",
        )
    primaries = 1 if primaries == _UNSPECIFIED else primaries
    transfer = 13 if transfer == _UNSPECIFIED else transfer
    if primaries not in _PRIMARIES or transfer not in _CURVES:
        raise ImageError(
            ErrorClass.UNSUPPORTED_COLOUR,
            f"colour primaries {primaries} with transfer characteristics {transfer} are not "
            "supported",
        )
    label, white, points = _PRIMARIES[primaries]
    curve_name, curve = _CURVES[transfer]
    for known in (SRGB, DISPLAY_P3):
        if (known.white, known.primaries, known.curve) == (white, points, curve):
            return known
    name = label if curve_name == label else f"{label}, {curve_name} curve"
    return Space(name, white, points, curve)


def curve_by_code_point(transfer: int) -> Curve:
    """Return the curve of a transfer characteristic.

    Raises: ImageError with class unsupported_colour.
    """
    space = by_code_points(1, transfer)
    return SRGB_CURVE if space is None else space.curve


def primaries_by_code_point(primaries: int) -> tuple[Point, Point, Point]:
    """Return the chromaticities of red, green and blue of a code point that is known to exist."""
    return _PRIMARIES[primaries][2]


def nearly_srgb(space: Space, *, grey: bool) -> bool:
    """Return True for the gamma and chromaticities that writers give to sRGB: 2.2 and rounded."""
    if space.curve != Curve(space.curve.gamma) or abs(space.curve.gamma / 2.2 - 1) > 0.02:
        return False
    pairs = zip((space.white, *space.primaries), (SRGB.white, *SRGB.primaries), strict=True)
    return grey or all(
        abs(a - b) <= 0.01 for one, two in pairs for a, b in zip(one, two, strict=True)
    )


def same_colours(space: Space, other: Space, *, grey: bool) -> bool:
    """Return True if two spaces show equal samples alike: by their curves alone if grey."""
    if space.curve != other.curve:
        return False
    return grey or (space.white, space.primaries) == (other.white, other.primaries)
