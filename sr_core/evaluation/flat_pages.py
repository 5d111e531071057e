"""White, black and grey pages: what a model makes of an image without content."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sr_core.imaging.pixels import Pixels

LEVELS = {"white": 255, "black": 0, "grey": 128}
_SIDE_LR_PX = 64
_BORDER_LR_PX = 16
"""Pixels within this of a side may see padding: as far as the networks here reach, or nearly."""

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class FlatPage:
    """A page of one level, upscaled: its colours furthest from that level."""

    name: str
    """One of LEVELS."""
    inside: Colour
    border: Colour
    """The same within `_BORDER_LR_PX` of a side."""

    def text(self) -> str:
        """Return the colours, once if they are equal, as one number if they are neutral."""
        inside, border = map(_shown, (self.inside, self.border))
        return inside if inside == border else f"{inside}; {border} at the border"


def flat_pages(upscale: Callable[[Pixels], Pixels], scale: int) -> tuple[FlatPage, ...]:
    """Upscale a page of each of LEVELS, (64, 64, 3) uint8.

    Args:
        upscale: the model, (h, w, C) -> (scale * h, scale * w, C).
        scale: its scale.
    """
    return tuple(_page(name, level, upscale, scale) for name, level in LEVELS.items())


def _page(name: str, level: int, upscale: Callable[[Pixels], Pixels], scale: int) -> FlatPage:
    sr = upscale(np.full((_SIDE_LR_PX, _SIDE_LR_PX, 3), level, np.uint8))
    margin = _BORDER_LR_PX * scale
    is_inside = np.zeros(sr.shape[:2], bool)
    is_inside[margin:-margin, margin:-margin] = True
    return FlatPage(name, _furthest(sr[is_inside], level), _furthest(sr[~is_inside], level))


def _furthest(colours: Pixels, level: int) -> Colour:
    """Return the colour of (N, 3) with the largest difference from a level in any channel."""
    index = int(np.abs(colours.astype(int) - level).max(axis=1).argmax())
    red, green, blue = (int(value) for value in colours[index])
    return red, green, blue


def _shown(colour: Colour) -> str:
    return str(colour[0]) if len({*colour}) == 1 else ",".join(map(str, colour))
