"""Colour arithmetic by the standards, written apart from the product: what a sample is in sRGB."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PRIMARIES = {
    "sRGB": ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)),
    "P3": ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)),
    "BT.2020": ((0.708, 0.292), (0.17, 0.797), (0.131, 0.046)),
    "Adobe RGB": ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)),
    "ROMM": ((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)),
    "NTSC": ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08)),
}
WHITES = {
    "D65": (0.3127, 0.3290),
    "D50": (0.3457, 0.3585),
    "C": (0.310, 0.316),
    "DCI": (0.314, 0.351),
}
CONE = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def srgb_curve(v: Floats) -> Floats:
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def bt709_curve(v: Floats) -> Floats:
    return np.where(v < 0.081, v / 4.5, ((v + 0.099) / 1.099) ** (1 / 0.45))


def romm_curve(v: Floats) -> Floats:
    return np.where(v < 16 / 512, v / 16, v**1.8)


def dci_curve(v: Floats) -> Floats:
    return 52.37 / 48 * v**2.6


def power(gamma: float) -> Callable[[Floats], Floats]:
    return lambda v: v**gamma


def white_xyz(point: Sequence[float]) -> Floats:
    return np.array([point[0] / point[1], 1, (1 - point[0] - point[1]) / point[1]])


def adapted(xyz: Floats, source: Floats, target: Floats) -> Floats:
    """Adapt XYZ from one white to another by the Bradford transform."""
    return np.linalg.solve(CONE, (CONE @ target) / (CONE @ source) * (CONE @ xyz))


def to_xyz(primaries: Sequence[Sequence[float]], white: Floats, linear: Floats) -> Floats:
    columns = np.array([[x, y, 1 - x - y] for x, y in primaries]).T
    return columns @ (np.linalg.solve(columns, white) * linear)


def xyz_to_srgb(xyz: Floats, white: Floats) -> Floats:
    """Return sRGB from 0 to 255 of XYZ relative to a white; colours out of gamut are clipped."""
    d65 = white_xyz(WHITES["D65"])
    columns = np.array([[x, y, 1 - x - y] for x, y in PRIMARIES["sRGB"]]).T
    columns = columns * np.linalg.solve(columns, d65)
    linear = np.clip(np.linalg.solve(columns, adapted(xyz, white, d65)), 0, 1)
    low = linear * 12.92
    return 255 * np.where(linear <= 0.0031308, low, 1.055 * linear ** (1 / 2.4) - 0.055)


def rgb_to_srgb(
    rgb: Sequence[float],
    primaries: str,
    curve: Callable[[Floats], Floats],
    white: str = "D65",
) -> Floats:
    """Return sRGB from 0 to 255 of RGB from 0 to 255 in another space."""
    whole = white_xyz(WHITES[white])
    linear = curve(np.array(rgb, float) / 255)
    return xyz_to_srgb(to_xyz(PRIMARIES[primaries], whole, linear), whole)


def lab_to_srgb(lab: Sequence[float], white: str = "D50") -> Floats:
    """Return sRGB from 0 to 255 of CIELAB."""
    lightness, a, b = lab
    fy = (lightness + 16) / 116
    cubes = np.array([fy + a / 500, fy, fy - b / 200])
    shares = np.where(cubes > 6 / 29, cubes**3, 3 * (6 / 29) ** 2 * (cubes - 4 / 29))
    whole = white_xyz(WHITES[white])
    return xyz_to_srgb(shares * whole, whole)
