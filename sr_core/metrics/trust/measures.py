"""All measures of trust of one image."""

from __future__ import annotations

from collections.abc import Callable

from sr_core.imaging.pixels import Pixels
from sr_core.metrics.trust import blocks, patterns, regions
from sr_core.metrics.trust.maps import BLOCK_PX, Maps, make_maps
from sr_core.metrics.trust.worst import Worst

LEAST_PX = 2 * BLOCK_PX
"""Shortest side of a source that is measured."""

_MEASURES: dict[str, Callable[[Maps], Worst | None]] = {
    "block_error": blocks.block_error,
    "outlier": blocks.outlier,
    "blank_share": blocks.blank_share,
    "clipped_share": blocks.clipped_share,
    "shift_px": regions.shift,
    "cast_levels": regions.cast,
    "step_levels": regions.step,
    "grid_levels": patterns.grid,
    "blocking": patterns.blocking,
    "detail_gain": blocks.detail_gain,
    "texture_excess": blocks.texture_excess,
    "grey_colour_levels": blocks.grey_colour,
}
"""Measures by their column; `sr_core.metrics.registry` describes them."""


def measure_trust(source: Pixels, shrunk: Pixels, output: Pixels) -> dict[str, Worst]:
    """Compare an output with its source.

    Args:
        source: (h, w, C) uint8 or uint16.
        shrunk: the output at the source's size by antialiased bicubic, (h, w, C), same dtype.
        output: (H, W, C), same dtype.

    Returns:
        Values by column, with their worst spots; without those that are undefined. Nothing if a
        side of the source is under 8 pixels, or the output is smaller than its source.
    """
    (height, width), (height_out, width_out) = source.shape[:2], output.shape[:2]
    if min(height, width) < LEAST_PX or height_out < height or width_out < width:
        return {}
    maps = make_maps(source, shrunk, output)
    found = {name: measure(maps) for name, measure in _MEASURES.items()}
    return {name: worst for name, worst in found.items() if worst is not None}
