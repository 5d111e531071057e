"""Tiles of an image whose results fit together exactly. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """Rows or columns [start, stop) of a tile, and of the window that they are computed from."""

    start: int
    stop: int
    window_start: int
    window_stop: int


@dataclass(frozen=True, slots=True)
class Tile:
    """A rectangle of the image and its window: the rectangle with its context.

    A window never leaves the area that was planned, where a convolution pads with zeros just as it
    does on the whole area. Elsewhere the context covers the reach of the computation, so
    values that the cut spoils are outside the rectangle.
    """

    rows: Span
    columns: Span

    @property
    def window_px(self) -> int:
        """Pixels of the window."""
        rows, columns = self.rows, self.columns
        return (rows.window_stop - rows.window_start) * (columns.window_stop - columns.window_start)


def plan_tiles(height: int, width: int, reach: int, max_window_px: int) -> list[Tile]:
    """Cut height x width pixels into a grid of tiles with equal windows and the least overlap.

    All windows have one size, because each new size costs time: kernels are chosen or compiled for
    it, or a whole graph is recorded. Tiles at the image's border are larger than the others, since
    they need context on fewer sides.

    The result is the grid that computes the fewest pixels with windows of at most `max_window_px`.
    If even single pixels with their context are larger, it is the finest useful grid, with tiles no
    smaller than their context.

    Args:
        height, width: size of the image, at least 1.
        reach: context that the computation sees on each side, in the same pixels.
        max_window_px: bound on a window's pixels.

    Returns:
        Tiles that partition the image, row by row.
    """
    smallest = max(1, 2 * reach)
    best: tuple[int, list[Span], list[Span]] | None = None
    for row_count in range(1, max(1, height // smallest) + 1):
        rows = _spans(height, row_count, reach)
        tallest = max(span.window_stop - span.window_start for span in rows)
        columns = _columns_that_fit(width, reach, smallest, max_window_px // tallest)
        if columns is None:
            continue
        computed = _length(rows) * _length(columns)
        if best is None or computed < best[0]:
            best = (computed, rows, columns)
        if len(columns) == 1:
            break
    if best is None:
        best = (
            0,
            _spans(height, max(1, height // smallest), reach),
            _spans(width, max(1, width // smallest), reach),
        )
    return list(_grid(best[1], best[2]))


def plan_tail_tiles(trunk_tile: Tile, reach: int, max_window_px: int) -> Iterator[Tile]:
    """Cut a tile again, for a second computation on the first one's result for its window.

    Args:
        trunk_tile: has at least `reach` of context except at the image's border.
        reach: context that the second computation sees on each side.
        max_window_px: bound on a window's pixels, as in `plan_tiles`.

    Yields:
        Tiles that partition the trunk's tile, in pixels of the image; their windows are within its.
    """
    rows, columns = (_narrowed(span, reach) for span in (trunk_tile.rows, trunk_tile.columns))
    height, width = (span.window_stop - span.window_start for span in (rows, columns))
    for tile in plan_tiles(height, width, reach, max_window_px):
        yield Tile(_within(rows, tile.rows), _within(columns, tile.columns))


def _narrowed(span: Span, reach: int) -> Span:
    """Shrink a window to the context that a smaller reach needs."""
    first, last = span.start - reach, span.stop + reach
    return Span(span.start, span.stop, max(span.window_start, first), min(span.window_stop, last))


def _within(outer: Span, inner: Span) -> Span:
    """Translate a span of a window to the image, without the window's own context."""
    offset = outer.window_start
    return Span(
        max(outer.start, inner.start + offset),
        min(outer.stop, inner.stop + offset),
        inner.window_start + offset,
        inner.window_stop + offset,
    )


def _columns_that_fit(width: int, reach: int, smallest: int, limit: int) -> list[Span] | None:
    for count in range(max(1, width // max(1, limit)), max(1, width // smallest) + 1):
        spans = _spans(width, count, reach)
        if max(span.window_stop - span.window_start for span in spans) <= limit:
            return spans
    return None


def _spans(length: int, count: int, reach: int) -> list[Span]:
    """Cut into at most `count` spans."""
    step = max(1, -(-(length - 2 * reach) // count)) if count > 1 else length
    window = min(length, step + 2 * reach)
    spans: list[Span] = []
    start = 0
    while start < length:
        window_start = min(len(spans) * step, length - window)
        window_stop = window_start + window
        stop = length if window_stop == length else window_stop - reach
        spans.append(Span(start, stop, window_start, window_stop))
        start = stop
    return spans


def _length(spans: list[Span]) -> int:
    return sum(span.window_stop - span.window_start for span in spans)


def _grid(rows: list[Span], columns: list[Span]) -> Iterator[Tile]:
    for row in rows:
        for column in columns:
            yield Tile(row, column)
