"""The decision on the colours of a page, from what its file states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.colour import convert
from sr_core.imaging.colour.facts import CHANNELS, CodePoints, ColourFacts, Model, Uncalibrated
from sr_core.imaging.colour.profiles import build, checked_profile
from sr_core.imaging.colour.spaces import (
    SRGB,
    Space,
    by_code_points,
    nearly_srgb,
    same_colours,
)
from sr_core.imaging.pixels import Pixels

_Statement = Literal["icc", "code_points", "enumerated", "calibrated", "exif"]
_NAMED: _Statement = "code_points"
_ORDERS: dict[str, tuple[_Statement, ...]] = {
    # PNG, third edition, 4.3: cICP, iCCP, sRGB, then gAMA with cHRM.
    "PNG": ("code_points", "icc", "enumerated", "calibrated"),
    # ISO/IEC 23000-22 (MIAF), 7.3.6.4: a profile describes the colours, nclx only the matrix.
    "AVIF": ("icc", "code_points"),
    "HEIF": ("icc", "code_points"),
    # ISO/IEC 18181-1, annex E.2: either a profile or an enumerated encoding.
    "JXL": ("icc", "enumerated"),
    # ITU-T T.800, I.5.3.3: readers follow the first colour specification; there is one.
    "JPEG2000": ("icc", "code_points", "enumerated"),
    # BITMAPV5HEADER: embedded profile, calibrated RGB or sRGB, by bV5CSType.
    "BMP": ("icc", "enumerated", "calibrated"),
    # EXIF 2.32, 4.6.5: ColorSpace and the interoperability index describe images without a profile.
    "JPEG": ("icc", "exif"),
    "WEBP": ("icc", "exif"),
    # ICC.1:2022, annex B.3; TIFF 6.0, section 20 (colorimetry).
    "TIFF": ("icc", "calibrated", "exif"),
    "GIF": ("icc",),
}
"""Statements by precedence, by format."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The colour space of a page's samples."""

    profile: bytes | None = None
    """Profile of the samples, after the conversion if there is one; None for sRGB."""
    convert: Callable[[Pixels], Pixels] | None = None
    """The only conversion, to sRGB; None if the samples are kept."""
    warnings: tuple[str, ...] = ()
    code_points: CodePoints | None = None
    """Code points that name the same colour space; None if the file has none."""


def decide(format: str, facts: ColourFacts, model: Model) -> Decision:  # noqa: A002
    """Decide the colour space of a page by the first usable statement of its format's order.

    Without any statement grey and RGB are sRGB.

    Raises: ImageError with class unsupported_colour if the samples have no equal ICC profile.
    """
    if model == "cmyk":
        return _decide_cmyk(facts)
    if model == "lab":
        return _decide_lab(facts)
    warnings: tuple[str, ...] = ()
    for name in _ORDERS[format]:
        if name == "icc":
            profile, dropped = checked_profile(facts.icc, CHANNELS[model])
            warnings += dropped
            if profile is not None:
                return Decision(profile, warnings=warnings)
            continue
        space = _space(facts, name, grey=model == "grey")
        if isinstance(space, Uncalibrated):
            warnings += ("EXIF says that the colours are not sRGB, but not what they are",)
        elif space is not None:
            decision = _kept(space, warnings, grey=model == "grey")
            return replace(decision, code_points=facts.code_points) if name == _NAMED else decision
    return Decision(warnings=warnings)


def _space(facts: ColourFacts, name: _Statement, *, grey: bool) -> Space | Uncalibrated | None:
    """Return the colour space of a statement other than a profile."""
    if name == "code_points":
        return None if facts.code_points is None else _of_code_points(facts.code_points)
    if name == "enumerated":
        return facts.enumerated
    if name == "calibrated":
        near = facts.calibrated is not None and nearly_srgb(facts.calibrated, grey=grey)
        return SRGB if near else facts.calibrated
    return facts.exif


def _kept(space: Space, warnings: tuple[str, ...], *, grey: bool) -> Decision:
    """Keep the samples, with a profile equal to their colour space."""
    if same_colours(space, SRGB, grey=grey):
        return Decision(warnings=warnings)
    try:
        profile, dropped = checked_profile(build(space, grey=grey), 1 if grey else 3)
    except ValueError as error:
        profile, dropped = None, (f"dropped: colour space that cannot be used: {error}",)
    return Decision(profile, warnings=(*warnings, *dropped))


def _of_code_points(points: CodePoints) -> Space | None:
    if not points.full_range:
        raise ImageError(ErrorClass.UNSUPPORTED_COLOUR, "RGB samples of narrow range")
    return by_code_points(points.primaries, points.transfer)


def _decide_cmyk(facts: ColourFacts) -> Decision:
    profile, dropped = checked_profile(facts.icc, CHANNELS["cmyk"])
    if profile is not None:
        return Decision(
            None, partial(convert.cmyk_to_srgb, icc=profile), ("CMYK converted to sRGB",)
        )
    how = "with an ICC profile that cannot be used" if dropped else "without an ICC profile"
    return Decision(
        None, convert.cmyk_by_arithmetic, (f"CMYK {how} converted to RGB by arithmetic",)
    )


def _decide_lab(facts: ColourFacts) -> Decision:
    if facts.lab is None:
        raise ImageError(ErrorClass.UNSUPPORTED_COLOUR, "CIELAB of an unknown encoding")
    return Decision(
        None, partial(convert.lab_to_srgb, encoding=facts.lab), ("LAB converted to sRGB",)
    )
