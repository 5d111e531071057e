"""An upscaled image and what made it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sr_core.imaging.pixels import Pixels

ComputedPrecision = Literal["float32", "half", "int8"]
"""Precision of the multiplications: half is float16 on GPUs and bfloat16 on CPUs."""


@dataclass(frozen=True, slots=True)
class MadeBy:
    """The upscaler that made an image. Interpolation has neither engine nor precision."""

    engine: str | None
    """One of `sr_core.inference.engines.ENGINES`."""
    precision: ComputedPrecision | None
    model: str
    """The upscaler's name in tables."""


@dataclass(frozen=True, slots=True, eq=False)
class Upscaled:
    """An upscaled image, (H, W, C) in the dtype of its source, and what made it."""

    pixels: Pixels
    made_by: MadeBy
