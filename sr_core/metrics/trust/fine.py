"""The part of the maps at the output's size: range, finest detail, phases, jumps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sr_core.metrics.trust.planes import QUARTERS, Edges, Plane, Quarters, reduced

Floats = NDArray[np.float32]
_SOFTENING = 20.0 * QUARTERS
"""Added to the source's range, so that flat areas do not divide by zero."""
_FLAT = 2
"""Range of a flat cell: half a level."""
_VARIED = 12 * QUARTERS
"""Range of the source from which its output cannot be flat."""
_AWAY = 24 * QUARTERS
"""Distance from the source from which a flat output is not its enlargement."""
_WHITE = 255 * QUARTERS
_NEAR = 8 * QUARTERS
"""Distance from black or white at which a source may become so."""
_LARGEST_JUMP = 10 * QUARTERS
"""Larger jumps are edges of the picture; they count as this."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Extremes of the output pixels of each source pixel, and of the source around it."""

    lowest: Quarters
    highest: Quarters
    floor: Quarters
    ceiling: Quarters
    source: Quarters


def cells(output: Quarters, source: Quarters, own: slice, rows: Edges, columns: Edges) -> Cells:
    """Reduce a strip of the output to source pixels.

    Args:
        output: (H, W) luma of the strip.
        source: (h, w) luma of the strip with a row more above and below, if there is one.
        own: the rows of the strip itself.
        rows: edges of the source pixels in the strip of the output.
        columns: edges of the source pixels.
    """
    return Cells(
        reduced(np.minimum, output, rows, columns),
        reduced(np.maximum, output, rows, columns),
        around(np.minimum, source)[own],
        around(np.maximum, source)[own],
        source[own],
    )


def outliers(found: Cells) -> Floats:
    """Return the distance of each cell from the range of the source around it, over that range."""
    above = found.highest - found.ceiling
    below = found.floor - found.lowest
    excess = np.maximum(np.maximum(above, below), 0).astype(np.float32)
    return excess / (found.ceiling - found.floor + np.float32(_SOFTENING))


def blanks(found: Cells) -> Floats:
    """Return 1 for flat cells, 3x3 together, where the source is not flat or is elsewhere."""
    flat = found.highest - found.lowest <= _FLAT
    varied = found.ceiling - found.floor >= _VARIED
    away = np.abs(found.highest - found.source) >= _AWAY
    blank = (flat & (varied | away)).astype(np.uint8)
    inside = around(np.minimum, blank)
    return inside.astype(np.float32)


def clipped(found: Cells) -> Floats:
    """Return 1 for cells that reach black or white although the source around them does not."""
    black = (found.lowest <= 0) & (found.floor > _NEAR)
    white = (found.highest >= _WHITE) & (found.ceiling < _WHITE - _NEAR)
    return (black | white).astype(np.float32)


def diagonal_energy(output: Quarters, rows: Edges, columns: Edges) -> Floats:
    """Return the mean square of diagonal detail in each block, in squared levels.

    Args:
        output: (H, W) luma.
        rows: edges of the blocks in pairs of pixels.
        columns: edges of the blocks in pairs of pixels.
    """
    height, width = rows[-1] * 2, columns[-1] * 2
    pairs = output[0:height:2, :width] - output[1:height:2, :width]
    detail = (pairs[:, 0::2] - pairs[:, 1::2]).astype(np.float32)
    counts = np.outer(np.diff(rows), np.diff(columns)).astype(np.float32)
    if not detail.size:
        return np.zeros_like(counts)
    sums = reduced(np.add, np.square(detail), _within(rows), _within(columns))
    scale = np.float32(4 * QUARTERS**2)
    return np.divide(sums, counts * scale, out=np.zeros_like(counts), where=counts > 0)


def _within(edges: Edges) -> Edges:
    """Keep the first index of an empty last part inside the plane, as reduceat demands."""
    return np.append(np.minimum(edges[:-1], edges[-1] - 1), edges[-1])


def phase_means(output: Quarters, period: int, cell_px: int) -> NDArray[np.float64]:
    """Return the mean luma at each phase, (cells across, period, period), in levels.

    Only whole periods count; the last cell takes what is left.
    """
    height, width = (side // period * period for side in output.shape)
    starts = np.arange(0, max(width - cell_px // 2, 1), cell_px)
    low = np.stack(
        [output[phase:height:period, :width].sum(axis=0, dtype=np.int32) for phase in range(period)]
    )
    found = np.empty((len(starts), period, period))
    for phase in range(period):
        sums = np.add.reduceat(low[:, phase::period], starts // period, axis=1, dtype=np.int64)
        counts = np.diff(np.append(starts, width)) // period * (height // period)
        found[:, :, phase] = (sums / counts).T
    return found / QUARTERS


def jump_sums(output: Quarters) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the sums of the jumps to the next column, (W - 1), and to the next row, (H - 1)."""
    across = np.abs(output[:, 1:] - output[:, :-1])
    down = np.abs(output[1:] - output[:-1])
    np.minimum(across, _LARGEST_JUMP, out=across)
    np.minimum(down, _LARGEST_JUMP, out=down)
    return across.sum(axis=0, dtype=np.int64), down.sum(axis=1, dtype=np.int64)


def around(ufunc: np.ufunc, plane: Plane) -> Plane:
    """Apply np.minimum or np.maximum over 3x3 pixels; fewer at the border."""
    found = plane.copy()
    ufunc(found[1:], plane[:-1], out=found[1:])
    ufunc(found[:-1], plane[1:], out=found[:-1])
    wide = found.copy()
    ufunc(wide[:, 1:], found[:, :-1], out=wide[:, 1:])
    ufunc(wide[:, :-1], found[:, 1:], out=wide[:, :-1])
    return wide
