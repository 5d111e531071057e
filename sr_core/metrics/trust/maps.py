"""Maps of an output against its source: sums over blocks of 4x4 source pixels.

Everything that a measure of trust needs is in these maps. They are made strip by strip, and are
1/16 of the source in size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sr_core.imaging.pixels import Pixels
from sr_core.metrics.trust import fine
from sr_core.metrics.trust.coarse import coarse_maps
from sr_core.metrics.trust.planes import QUARTERS, Edges, Quarters, edges_of, quarters, reduced

BLOCK_PX = 4
"""Side of a block in source pixels: 16 output pixels at x4."""
STRIP_PX = 16
"""Height of a strip, and of a cell of the phase map, in source pixels."""
PHASE_CELL_PX = 64
"""Width of a cell of the phase map, in source pixels."""

Map = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Maps:
    """Sums over blocks, (blocks down, blocks across) unless stated; in levels of 255."""

    size_in: tuple[int, int]
    """Height and width of the source."""
    size_out: tuple[int, int]
    count: Map
    """Source pixels."""
    difference: Map
    """(down, across, C): the shrunk output less the source."""
    error: Map
    """Square of the difference, mean of the channels."""
    luma: Map
    luma_square: Map
    normal: Map
    """(down, across, 8): xx, xy, yy, xd, yd, x, y, d of the source's gradient (x across, y down)
    and the difference of luma d."""
    source_detail: Map
    """Square of the source's finest diagonal detail."""
    detail: Map
    """Mean square of the output's finest diagonal detail."""
    outlier: Map
    """Largest distance of an output pixel from the range of the source around it, over that range
    + 20 levels."""
    blank: Map
    """Source pixels that are flat in the output alone."""
    clipped: Map
    """Source pixels that reach black or white in the output alone."""
    neutral: Map
    """Source pixels without colour."""
    colour: Map
    """Colour of the shrunk output at these."""
    phases: NDArray[np.float64]
    """(strips, cells across, period, period): mean luma of the output by phase."""
    jumps: tuple[NDArray[np.float64], NDArray[np.float64]]
    """Mean jump of the output's luma to the next column, and to the next row; NaN if unmeasured."""


def make_maps(source: Pixels, shrunk: Pixels, output: Pixels) -> Maps:
    """Make the maps of an output that is at least as large as its source.

    Args:
        source: (h, w, C) uint8 or uint16.
        shrunk: the output at the source's size, (h, w, C), same dtype.
        output: (H, W, C), same dtype.
    """
    (height, width), (height_out, width_out) = source.shape[:2], output.shape[:2]
    grid = _Grid(edges_of(height, height_out), edges_of(width, width_out))
    period = period_of((height, width), (height_out, width_out))
    across, measured = np.zeros(width_out - 1), 0
    down = np.full(height_out - 1, np.nan)
    strips, phases = [], []
    for top in range(0, height, STRIP_PX):
        rows = slice(top, min(top + STRIP_PX, height))
        halo = slice(max(top - 1, 0), min(rows.stop + 1, height))
        start, stop = grid.rows[rows.start], grid.rows[rows.stop]
        luma = quarters(output[start:stop])
        strips.append(_strip_maps(source[halo], shrunk[halo], luma, rows, halo, grid))
        if len(luma) >= period:
            phases.append(fine.phase_means(luma, period, PHASE_CELL_PX * width_out // width))
        if top // STRIP_PX % 2 == 0:  # every second strip says enough
            columns, inner = fine.jump_sums(luma)
            across += columns
            measured += len(luma)
            down[start : stop - 1] = inner / (width_out * QUARTERS)
    joined = {name: np.concatenate([each[name] for each in strips]) for name in strips[0]}
    return Maps(
        size_in=(height, width),
        size_out=(height_out, width_out),
        phases=np.stack(phases),
        jumps=(across / (measured * QUARTERS), down),
        **joined,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """First output pixel of each source pixel, by axis, and the ends."""

    rows: Edges
    columns: Edges


def _strip_maps(
    source: Pixels, shrunk: Pixels, output: Quarters, rows: slice, halo: slice, grid: _Grid
) -> dict[str, Map]:
    """Return the maps of a strip by name; `source` and `shrunk` are those of the halo."""
    own = slice(rows.start - halo.start, rows.stop - halo.start)
    down = _blocks(rows.stop - rows.start)
    across = _blocks(source.shape[1])
    found = coarse_maps(source, shrunk, own, down, across)
    edges = grid.rows[rows.start : rows.stop + 1] - grid.rows[rows.start]
    cells = fine.cells(output, quarters(source), own, edges, grid.columns)
    found["outlier"] = reduced(np.maximum, fine.outliers(cells), down, across)
    found["blank"] = reduced(np.add, fine.blanks(cells), down, across)
    found["clipped"] = reduced(np.add, fine.clipped(cells), down, across)
    found["detail"] = fine.diagonal_energy(output, edges[down] // 2, grid.columns[across] // 2)
    return found


def _blocks(size_px: int) -> Edges:
    """Return the edges of the blocks of an axis; the last may be narrower."""
    return np.append(np.arange(0, size_px, BLOCK_PX), size_px)


def period_of(size_in: tuple[int, int], size_out: tuple[int, int]) -> int:
    """Return the period of the phases: the scale if it is exactly 2, 3 or 4, else 4."""
    scale = size_out[1] // size_in[1]
    exact = (size_in[0] * scale, size_in[1] * scale) == size_out
    return scale if exact and 2 <= scale <= 4 else 4
