"""The mirrored border that a network sees around an image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sr_core.imaging.pixels import Pixels
from sr_core.inference.tiling import Span, Tile, plan_tiles

BORDER_PX = 8
"""Width of the border, in LR pixels: the least measured at which pages of one colour come out even
(`python -m benchmarks.border`). A network that sees less far gets a narrower one."""


def border_cells(reach: int, cell_px: int) -> int:
    """Return the width of the border in cells of a network that sees `reach` cells far."""
    return min(-(-BORDER_PX // cell_px), reach)


def mirror(pixels: Pixels, border_px: int, multiple: int = 1) -> Pixels:
    """Add a mirrored border that repeats the edge pixels: abc -> baabccb for a border of 2.

    Args:
        pixels: (H, W, C).
        border_px: width of the border on each side, a multiple of `multiple`.
        multiple: the right and the lower border become wider until both sides are multiples.
    """
    rows, columns = (_mirrored(length, border_px, multiple) for length in pixels.shape[:2])
    return pixels[rows[:, None], columns]


@dataclass(frozen=True, slots=True)
class Surrounded:
    """An image and its border, cut into tiles for a network that takes cells of pixels.

    The border is never made as a whole: windows of tiles that touch it are.
    """

    pixels: Pixels
    """(H, W, C) without the border."""
    cell_px: int
    border: int
    """Width of the border, in cells."""

    @property
    def cells(self) -> tuple[int, int]:
        """Height and width of the image without its border; the last cells may be incomplete."""
        height, width = self.pixels.shape[:2]
        return -(-height // self.cell_px), -(-width // self.cell_px)

    def tiles(self, reach: int, max_window_px: int) -> list[Tile]:
        """Return tiles that partition the image; their windows reach into the border.

        Args:
            reach: context that the computation sees on each side, at least the border.
            max_window_px: bound on a window, in cells.
        """
        height, width = self.cells
        around = 2 * self.border
        return [
            Tile(self._inside(tile.rows, height), self._inside(tile.columns, width))
            for tile in plan_tiles(height + around, width + around, reach, max_window_px)
        ]

    def window(self, tile: Tile) -> Pixels:
        """Return the pixels of a tile's window: a view, or a copy if it reaches into the border."""
        height, width = self.pixels.shape[:2]
        rows, columns = self._span(tile.rows), self._span(tile.columns)
        if min(rows.start, columns.start) >= 0 and rows.stop <= height and columns.stop <= width:
            return self.pixels[rows, columns]
        border_px = self.border * self.cell_px
        row_numbers, column_numbers = (
            _mirrored(length, border_px, self.cell_px)[span.start + border_px :][
                : span.stop - span.start
            ]
            for length, span in ((height, rows), (width, columns))
        )
        return self.pixels[row_numbers[:, None], column_numbers]

    def _inside(self, span: Span, length: int) -> Span:
        """Translate a span of the image with its border to the image, and leave the border out."""
        return Span(
            max(0, span.start - self.border),
            min(length, span.stop - self.border),
            span.window_start - self.border,
            span.window_stop - self.border,
        )

    def _span(self, span: Span) -> slice:
        return slice(span.window_start * self.cell_px, span.window_stop * self.cell_px)


def _mirrored(length: int, border: int, multiple: int) -> NDArray[np.intp]:
    """Return the numbers of the rows or columns that an image with its border consists of."""
    return np.pad(np.arange(length), (border, border + -length % multiple), mode="symmetric")
