"""Colour information that a file holds, as its reader found it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sr_core.imaging.colour.spaces import D50, Point, Space

Model = Literal["grey", "rgb", "cmyk", "lab"]
"""Meaning of the samples of a page; alpha, if any, follows them."""
CHANNELS: dict[Model, int] = {"grey": 1, "rgb": 3, "cmyk": 4, "lab": 3}
"""Colour channels of each model."""


@dataclass(frozen=True, slots=True)
class CodePoints:
    """Coding-independent code points of ITU-T H.273."""

    primaries: int
    transfer: int
    full_range: bool = True
    """False if the RGB samples have the narrow range of video."""


@dataclass(frozen=True, slots=True)
class LabEncoding:
    """Encoding of CIELAB: each of L*, a*, b* is scale * v + offset, with v from 0 to 1."""

    scales: tuple[float, float, float]
    offsets: tuple[float, float, float]
    white: Point = D50


@dataclass(frozen=True, slots=True)
class Uncalibrated:
    """A colour space that is not sRGB and has no name."""


@dataclass(frozen=True, slots=True)
class ColourFacts:
    """Statements of a file about the colours of one page; None if it does not make one.

    The file may contradict itself: `decide` knows which statement its format's standard prefers.
    """

    icc: bytes | None = None
    code_points: CodePoints | None = None
    enumerated: Space | None = None
    """A colour space by name."""
    calibrated: Space | None = None
    """A colour space by gamma and chromaticities."""
    exif: Space | Uncalibrated | None = None
    """The colour space that EXIF names."""
    lab: LabEncoding | None = None
    """For the model lab only."""
