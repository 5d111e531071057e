"""An upscaled image and what made it."""

from __future__ import annotations

from dataclasses import dataclass

from sr_core.imaging.pixels import Pixels
from sr_core.records import Precision


@dataclass(frozen=True, slots=True)
class MadeBy:
    """The upscaler that made an image. Interpolation has no engine, precision or scale."""

    engine: str | None
    """One of `sr_core.inference.engines.ENGINES`."""
    precision: Precision | None
    model: str
    """The upscaler's name in tables."""
    scale: int | None = None
    """Scale of the network, whose output may have been resized."""


@dataclass(frozen=True, slots=True, eq=False)
class Upscaled:
    """An upscaled image, (H, W, C) in the dtype of its source, and what made it."""

    pixels: Pixels
    made_by: MadeBy
