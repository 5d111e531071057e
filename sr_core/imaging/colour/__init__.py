"""Colour: the facts that a file states, the decision on them, profiles and conversions.

Readers report `ColourFacts` and samples of a `Model`. `decide` chooses, by the order of the
format's standard: the samples are kept with an equal profile, or converted once, to sRGB.
"""

from sr_core.imaging.colour.convert import convert_to_srgb
from sr_core.imaging.colour.decision import Decision, decide
from sr_core.imaging.colour.facts import (
    CHANNELS,
    CodePoints,
    ColourFacts,
    LabEncoding,
    Model,
    Uncalibrated,
)
from sr_core.imaging.colour.profiles import build, calibrated, checked_profile, profile_of
from sr_core.imaging.colour.spaces import ADOBE_RGB, DISPLAY_P3, ROMM_RGB, SRGB, Curve, Space

__all__ = [
    "ADOBE_RGB",
    "CHANNELS",
    "DISPLAY_P3",
    "ROMM_RGB",
    "SRGB",
    "CodePoints",
    "ColourFacts",
    "Curve",
    "Decision",
    "LabEncoding",
    "Model",
    "Space",
    "Uncalibrated",
    "build",
    "calibrated",
    "checked_profile",
    "convert_to_srgb",
    "decide",
    "profile_of",
]
