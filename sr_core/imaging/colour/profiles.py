"""ICC profiles: built from colour spaces, always with equal bytes, and checked."""

from __future__ import annotations

import functools
import struct
from collections.abc import Sequence

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from sr_core.imaging.colour.spaces import SRGB, Curve, Point, Space

_D50_XYZ = (0.9642, 1.0, 0.8249)
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_HEADER_BYTES = 128
_MOST_COLOURED_WHITE = 200  # difference of levels in sRGB: empty matrices make white 0, 255, 0


@functools.lru_cache(maxsize=64)
def build(space: Space, *, grey: bool = False) -> bytes:
    """Build the ICC profile of a colour space. Equal spaces give equal bytes: its date is fixed.

    Raises: ValueError for impossible chromaticities.
    Source: ICC.1:2022, sections 7 (header), 8.3.3 and 8.4.2 (required tags), 9 and 10.
    """
    white = _xyz(space.white)
    adapted = adaptation(white, np.array(_D50_XYZ))
    tags = {
        b"desc": _text(space.name),
        b"cprt": _text("No copyright, use freely"),
        b"wtpt": _xyz_type(np.array(_D50_XYZ)),
        b"chad": b"sf32" + bytes(4) + b"".join(_fixed(value) for value in adapted.flat),
    }
    if grey:
        tags[b"kTRC"] = _curve_type(space.curve)
    else:
        columns = (adapted @ rgb_to_xyz(space)).T
        for letter, column in zip((b"r", b"g", b"b"), columns, strict=True):
            tags[letter + b"XYZ"] = _xyz_type(column)
            tags[letter + b"TRC"] = _curve_type(space.curve)
    return _assembled(tags, b"GRAY" if grey else b"RGB ")


def profile_of(
    gamma: float, white: Sequence[float], primaries: Sequence[float], *, grey: bool
) -> bytes:
    """Build an ICC profile from a gamma and chromaticities.

    Args:
        gamma: decoding exponent.
        white: x and y of the white point.
        primaries: x and y of red, green and blue; ignored if grey.
        grey: True for a grey profile, False for RGB.

    Raises: ValueError for impossible chromaticities.
    """
    return build(calibrated(gamma, white, primaries or _flat(SRGB.primaries)), grey=grey)


def calibrated(gamma: float, white: Sequence[float], primaries: Sequence[float]) -> Space:
    """Return the space of a gamma, the x and y of white, and those of red, green and blue."""
    red, green, blue = ((primaries[at], primaries[at + 1]) for at in (0, 2, 4))
    return Space(f"gamma {gamma:.4g}", (white[0], white[1]), (red, green, blue), Curve(gamma))


def rgb_to_xyz(space: Space) -> NDArray[np.float64]:
    """Return the 3x3 matrix from linear RGB to XYZ, in which white has Y = 1.

    Raises: ValueError for impossible chromaticities.
    Source: SMPTE RP 177.
    """
    columns = np.stack([_xyz(point) for point in space.primaries], axis=1)
    try:
        shares = np.linalg.solve(columns, _xyz(space.white))
    except np.linalg.LinAlgError:
        shares = np.full(3, np.nan)
    matrix: NDArray[np.float64] = columns * shares
    if not np.isfinite(matrix).all() or np.abs(matrix).max() > 100:
        raise ValueError("impossible chromaticities")
    return matrix


def adaptation(white: NDArray[np.float64], to_white: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the 3x3 matrix that adapts XYZ from one white to another.

    Source: Bradford transform, ICC.1:2022 annex E.
    """
    gains = (_BRADFORD @ to_white) / (_BRADFORD @ white)
    matrix: NDArray[np.float64] = np.linalg.inv(_BRADFORD) @ np.diag(gains) @ _BRADFORD
    return matrix


def checked_profile(icc: bytes | None, channels: int) -> tuple[bytes | None, tuple[str, ...]]:
    """Return the profile if it fits pixels of 1 (grey), 3 (RGB) or 4 (CMYK) channels; warnings.

    Source: ICC.1:2022, section 7.2 (header: signature at byte 36, colour space at byte 16).
    """
    if icc is None:
        return None, ()
    space, name = {1: (b"GRAY", "gray"), 3: (b"RGB ", "rgb"), 4: (b"CMYK", "cmyk")}[channels]
    if len(icc) < _HEADER_BYTES + 4 or icc[36:40] != b"acsp":
        return None, ("dropped: ICC profile that is damaged",)
    if icc[16:20] != space:
        found = icc[16:20].decode("ascii", "replace").strip()
        return None, (f"dropped: ICC profile for {found}",)
    try:
        one = np.full((1, 1) if channels == 1 else (1, 1, channels), 255, np.uint8)
        shown = imagecodecs.cms_transform(
            one, icc, build(SRGB), colorspace=name, outcolorspace="rgb"
        )
    except Exception:  # noqa: BLE001 - a profile that cannot be used must not fail the image later
        return None, ("dropped: ICC profile that is damaged",)
    if channels == 3 and int(shown.max()) - int(shown.min()) > _MOST_COLOURED_WHITE:
        return None, ("dropped: ICC profile that shows white as a colour",)
    return icc, ()


def _flat(points: tuple[Point, ...]) -> list[float]:
    return [value for point in points for value in point]


def _xyz(point: Point) -> NDArray[np.float64]:
    x, y = point
    if y <= 0:
        raise ValueError("impossible chromaticities")
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _assembled(tags: dict[bytes, bytes], colours: bytes) -> bytes:
    """Join header, tag table and data; equal data is stored once."""
    table, data, places = [], b"", dict[bytes, int]()
    start = _HEADER_BYTES + 4 + 12 * len(tags)
    for name, body in tags.items():
        if body not in places:
            places[body] = start + len(data)
            data += body + bytes(-len(body) % 4)
        table.append(struct.pack(">4sII", name, places[body], len(body)))
    header = struct.pack(
        ">I4sI4s4s4s6H4s",
        *(start + len(data), b"", 0x04300000, b"mntr", colours, b"XYZ "),
        *(2000, 1, 1, 0, 0, 0, b"acsp"),
    )
    header = header.ljust(68, b"\0") + b"".join(_fixed(value) for value in _D50_XYZ)
    count = struct.pack(">I", len(tags))
    return header.ljust(_HEADER_BYTES, b"\0") + count + b"".join(table) + data


def _fixed(value: float) -> bytes:
    """Return an s15Fixed16Number.

    Raises: ValueError if the value is out of its range.
    """
    if not abs(value) < 1 << 15:
        raise ValueError(f"{value:.4g} does not fit an ICC profile")
    return struct.pack(">i", round(float(value) * 65_536))


def _xyz_type(values: NDArray[np.float64]) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(_fixed(value) for value in values)


def _text(text: str) -> bytes:
    body = text.encode("utf-16-be")
    return b"mluc" + struct.pack(">IIIHHII", 0, 1, 12, *(0x656E, 0x5553), len(body), 28) + body


def _curve_type(curve: Curve) -> bytes:
    plain = (curve.scale, curve.offset, curve.limit) == (1.0, 0.0, 0.0)
    numbers = [curve.gamma]
    if not plain:
        numbers += [curve.scale, curve.offset, curve.slope, curve.limit]
    kind = struct.pack(">HH", 0 if plain else 3, 0)
    return b"para" + bytes(4) + kind + b"".join(_fixed(number) for number in numbers)
