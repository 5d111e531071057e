"""The interface of an upscaler, and what it returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

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


class Upscaler(Protocol):
    """A model or baseline that upscales images."""

    @property
    def name(self) -> str:
        """Name in tables."""

    @property
    def engine(self) -> str | None:
        """The engine that computes images, one of `ENGINES`; None for interpolation.

        An image that it computes badly is made by another; `Upscaled.made_by` names it.
        """

    def network_scale(self, enlargement: float) -> int:
        """Return the scale of the network for an enlargement; ASSUMED_SCALE for interpolation.

        Args:
            enlargement: output pixels per source pixel along a side.
        """

    def upscale(self, pixels: Pixels, height: int, width: int) -> Upscaled:
        """Return the image at height x width pixels: (H, W, C) -> (height, width, C), same dtype.

        Raises: ImageError with class out_of_memory, or internal if the result is not an image.
        """
