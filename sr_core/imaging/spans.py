"""Spans of resized images: the weights of a few outputs along one axis, and their products."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sr_core.imaging.pixels import Pixels

_WINDOW_PX = 1024
"""Approximate number of columns resized at once."""
Filter = Literal["box", "bilinear", "bicubic", "lanczos"]
"""Kernels of `spans`; all are widened when an image shrinks."""


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """Outputs [start, stop) along one axis and the inputs [first, last) they depend on."""

    start: int
    stop: int
    first: int
    last: int
    weights: Tensor
    """(stop - start, last - first) float32; each row sums to 1."""


def spans(
    size_in: int,
    size_out: int,
    interpolation: Filter,
    overlap_px: int = 0,
    length: int | None = None,
) -> list[Span]:
    """Split one axis of a resized image into spans.

    Args:
        size_in: length of the axis before resizing, in pixels.
        size_out: length of the axis after resizing, in pixels.
        interpolation: box, bilinear, bicubic or lanczos.
        overlap_px: outputs that a span shares with the next one, for filters that reach beyond a
            pixel. An axis no longer than the overlap has no spans.
        length: outputs per span without the overlap; None chooses a fast length.
    """
    index, weight = _taps(size_in, size_out, interpolation)
    # Short spans keep the matrix dense; long ones keep the overhead of calls low.
    length = length or min(64, max(8, round(64 * size_out / size_in)))
    return [
        _span(index, weight, start, min(start + length + overlap_px, size_out), size_in)
        for start in range(0, size_out - overlap_px, length)
    ]


def side_by_side(columns: list[Span]) -> list[list[Span]]:
    """Group neighbouring spans into windows that fit the cache, about `_WINDOW_PX` wide."""
    if not columns:
        return []
    longest = max(columns[0].stop - columns[0].start, columns[0].last - columns[0].first)
    count = max(1, _WINDOW_PX // longest)
    return [columns[start : start + count] for start in range(0, len(columns), count)]


def resize_window(pixels: Pixels, row: Span, columns: list[Span]) -> Tensor:
    """Compute one window of a resized image: one span of rows, neighbouring spans of columns.

    Returns:
        (rows, C, columns) float32, integer values in the full range of the pixels' dtype.
    """
    inputs = pixels[row.first : row.last, columns[0].first : columns[-1].last]
    # Rows first if they shrink, otherwise columns: the second pass then has less to compute.
    if row.stop - row.start > row.last - row.first:
        planes = np.ascontiguousarray(inputs.transpose(0, 2, 1), dtype=np.float32)
        wide = _resize_columns(torch.from_numpy(planes), columns)
        window = (row.weights @ wide.flatten(1)).view(-1, *wide.shape[1:])
    else:
        rows = torch.from_numpy(inputs.astype(np.float32))
        low = (row.weights @ rows.flatten(1)).view(-1, *rows.shape[1:])
        window = _resize_columns(low.transpose(1, 2).contiguous(), columns)
    return window.clamp_(0.0, float(np.iinfo(pixels.dtype).max)).round_()


def _resize_columns(planes: Tensor, columns: list[Span]) -> Tensor:
    """Resize along the columns.

    Shapes: (rows, C, inputs of all spans) -> (rows, C, outputs of all spans), contiguous.
    """
    inputs, first, start = planes.flatten(0, 1).numpy(), columns[0].first, columns[0].start
    resized = np.empty((len(inputs), columns[-1].stop - start), np.float32)
    for column in columns:
        part = inputs[:, column.first - first : column.last - first]
        # numpy takes half of torch's time for products this small.
        place = resized[:, column.start - start : column.stop - start]
        np.matmul(part, column.weights.numpy().T, out=place)
    return torch.from_numpy(resized).view(*planes.shape[:2], -1)


def output_centres(size_in: int, size_out: int) -> NDArray[np.float64]:
    """Return the centre of each output pixel, in input pixels from the edge of the first one."""
    # Integers up to the only division: a centre that falls on an edge is placed exactly on it.
    doubled = (2 * np.arange(size_out, dtype=np.int64) + 1) * size_in
    return np.asarray(doubled / (2 * size_out), np.float64)


def _taps(
    size_in: int, size_out: int, interpolation: Filter
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the index and the weight of each output's inputs, both (size_out, taps).

    Inputs beyond the border have weight 0, and the other weights are renormalised, as in Pillow.
    """
    stretch = max(size_in / size_out, 1.0)
    kernel, radius = _KERNELS[interpolation]
    support = stretch * radius
    centres = output_centres(size_in, size_out)[:, None]
    first = np.floor(centres - support).astype(np.int64)
    index = first + np.arange(math.ceil(2 * support) + 1)
    distance = np.abs(index + 0.5 - centres) / stretch
    weight = kernel(distance)
    weight[(index < 0) | (index >= size_in)] = 0.0
    return index, weight / weight.sum(axis=1, keepdims=True)


def _keys(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Evaluate Keys' cubic kernel with a = -0.5 at distances >= 0."""
    near = (1.5 * distance - 2.5) * distance * distance + 1.0
    far = ((-0.5 * distance + 2.5) * distance - 4.0) * distance + 2.0
    return np.where(distance < 1.0, near, np.where(distance < 2.0, far, 0.0))


def _box(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Evaluate the kernel that averages the area of an output pixel."""
    return np.where(distance <= 0.5, 1.0, 0.0)


def _triangle(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(1.0 - distance, 0.0)


def _lanczos(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Evaluate the Lanczos kernel of radius 3 at distances >= 0."""
    return np.where(distance < 3.0, np.sinc(distance) * np.sinc(distance / 3.0), 0.0)


_KERNELS = {
    "box": (_box, 0.5),
    "bilinear": (_triangle, 1),
    "bicubic": (_keys, 2),
    "lanczos": (_lanczos, 3),
}
"""Each kernel and its radius, in pixels of the coarser grid."""


def _span(
    index: NDArray[np.int64], weight: NDArray[np.float64], start: int, stop: int, size_in: int
) -> Span:
    """Build the dense weight matrix of outputs [start, stop).

    One matrix product is faster than gathering the taps.
    """
    index, weight = index[start:stop], weight[start:stop]
    first, last = max(int(index[0, 0]), 0), min(int(index[-1, -1]) + 1, size_in)
    output, tap = np.nonzero(weight)
    matrix = np.zeros((stop - start, last - first), np.float32)
    matrix[output, index[output, tap] - first] = weight[output, tap]
    return Span(start, stop, first, last, torch.from_numpy(matrix))
