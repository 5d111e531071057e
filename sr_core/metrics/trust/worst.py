"""A measure's value and the place where it is worst."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sr_core.metrics.trust.maps import BLOCK_PX, Map, Maps


@dataclass(frozen=True, slots=True)
class Worst:
    """The value of a measure, and its worst spot in output pixels."""

    value: float
    x_px: int
    y_px: int


def at_highest(value: float, map_: Map, maps: Maps) -> Worst:
    """Place a value at the centre of the block whose value in a map is highest."""
    row, column = np.unravel_index(int(map_.argmax()), map_.shape)
    return at_block(value, row + 0.5, column + 0.5, maps)


def at_block(value: float, row: float, column: float, maps: Maps) -> Worst:
    """Place a value at a position in blocks from the top left corner."""
    y_px, x_px = (
        min(int(position * BLOCK_PX * size_out / size_in), size_out - 1)
        for position, size_in, size_out in zip(
            (row, column), maps.size_in, maps.size_out, strict=True
        )
    )
    return Worst(float(value), x_px, y_px)
