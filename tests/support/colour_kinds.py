"""Kinds of colour information, and what each shows in sRGB by `colour_oracle`."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from tests.support import colour_oracle as oracle

RGB = (200, 80, 40)
GREY = 120
SIZE = 16  # px; a multiple of every block, so that flat stays flat
Value = Sequence[float]


class ColourFile(NamedTuple):
    """A file, and the sRGB from 0 to 255 that each of its pages shows."""

    name: str
    data: bytes
    shown: tuple[Value, ...]
    converted: str = ""
    """Words of the warning that says what was converted or dropped; nothing if all was kept."""
    dropped: str = ""
    """Words of a second warning."""
    within: float = 1.0
    """Levels by which the colour may differ: more for lossy formats."""
    alpha: int | None = None
    """Alpha from 0 to 255; None if the picture is opaque."""

    def __str__(self) -> str:
        return self.name


def flat(colour: Sequence[float] = RGB, dtype: Any = np.uint8) -> NDArray[Any]:
    values = np.array(colour) * (257 if dtype == np.uint16 else 1)
    return np.tile(values.astype(dtype), (SIZE, SIZE, 1))


def p3_profile() -> bytes:
    """Return an RGB profile of P3 primaries with gamma 2.2, made by littlecms."""
    triples = [n for x, y in oracle.PRIMARIES["P3"] for n in (x, y, 1.0)]
    icc = imagecodecs.cms_profile(
        "rgb", whitepoint=[0.3127, 0.329, 1], primaries=triples, gamma=2.2
    )
    return bytes(icc)


def grey_profile() -> bytes:
    return bytes(imagecodecs.cms_profile("gray", whitepoint=[0.3127, 0.329, 1], gamma=1.8))


SRGB = (RGB,)
P3_GAMMA = (oracle.rgb_to_srgb(RGB, "P3", oracle.power(2.2)),)
P3 = (oracle.rgb_to_srgb(RGB, "P3", oracle.srgb_curve),)
ADOBE = (oracle.rgb_to_srgb(RGB, "Adobe RGB", oracle.power(563 / 256)),)
WIDE = (oracle.rgb_to_srgb(RGB, "BT.2020", oracle.srgb_curve),)
GREY_GAMMA = (oracle.rgb_to_srgb([GREY] * 3, "sRGB", oracle.power(1.8)),)
CODE_POINTS = {
    (1, 13): SRGB,
    (12, 13): P3,
    (9, 1): (oracle.rgb_to_srgb(RGB, "BT.2020", oracle.bt709_curve),),
    (9, 14): (oracle.rgb_to_srgb(RGB, "BT.2020", oracle.bt709_curve),),
    (1, 1): (oracle.rgb_to_srgb(RGB, "sRGB", oracle.bt709_curve),),
    (1, 8): (oracle.rgb_to_srgb(RGB, "sRGB", oracle.power(1)),),
    (4, 4): (oracle.rgb_to_srgb(RGB, "NTSC", oracle.power(2.2), "C"),),
    (11, 17): (oracle.rgb_to_srgb(RGB, "P3", oracle.dci_curve, "DCI"),),
    (2, 2): SRGB,
    (0, 0): SRGB,
    (12, 2): P3,
}
"""Primaries and transfer characteristics, and what they show."""
UNSUPPORTED_CODE_POINTS = ((9, 16), (9, 18), (1, 9), (200, 13), (12, 200))


def arithmetic(inks: Value) -> Value:
    """Return the sRGB of inks without a profile."""
    *colours, black = inks
    return [(255 - ink) * (255 - black) / 255 for ink in colours]


INK_LAB = (60, -30, -40)
"""CIELAB of full cyan in `ink_profile`; all other mixtures with cyan alone are on the way to it."""


def ink_profile() -> bytes:
    """Return a CMYK profile: paper is white, cyan is `INK_LAB`, any other ink is black.

    Source: ICC.1:2022, sections 7.2, 10.11 (lut8Type).
    """
    ramp, one = bytes(range(256)), struct.pack(">i", 1 << 16)
    matrix = b"".join(one if index % 4 == 0 else bytes(4) for index in range(9))
    lightness, a, b = INK_LAB
    corners = [bytes([0, 128, 128])] * 16
    corners[0b0000] = bytes([255, 128, 128])
    corners[0b1000] = bytes([round(lightness * 2.55), a + 128, b + 128])
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + ramp * 4
    table += b"".join(corners) + ramp * 3
    table += bytes(-len(table) % 4)
    head = struct.pack(">I4sI4s4s4s", 144 + len(table), b"", 0x02400000, b"prtr", b"CMYK", b"Lab ")
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3I", 63_190, 65_536, 54_061)
    tags = struct.pack(">I4sII", 1, b"A2B0", 144, len(table))
    return head.ljust(128, b"\0") + tags + table
