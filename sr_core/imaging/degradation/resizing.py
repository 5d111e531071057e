"""Resizing by odd factors and kernels, by a matrix for each axis."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sr_core.imaging.degradation.planes import Planes
from sr_core.imaging.spans import Filter, spans

KERNELS: tuple[Filter, ...] = ("bicubic", "bilinear", "box", "lanczos")
KERNEL_SHARES = (0.5, 0.2, 0.15, 0.15)
"""Bicubic is the default of most programs; browsers and cameras use the cheaper two."""

SMALLEST, LARGEST = 0.55, 2.0
"""Size of an earlier copy relative to LR: previews and bad scans were enlarged, others shrunk."""
SAME_SIZE_SHARE = 0.25
"""Share of earlier copies of the same size: pictures that were saved twice without resizing."""


def draw_kernel(rng: np.random.Generator) -> Filter:
    """Draw a kernel by its share."""
    return KERNELS[int(np.searchsorted(np.cumsum(KERNEL_SHARES), rng.random()))]


def draw_size(
    height: int, width: int, largest: tuple[int, ...], rng: np.random.Generator
) -> tuple[int, int]:
    """Draw the size of an earlier copy of an LR image, no larger than `largest`."""
    if rng.random() < SAME_SIZE_SHARE:
        return height, width
    factor = math.exp(rng.uniform(math.log(SMALLEST), math.log(LARGEST)))
    rows, columns = (max(1, round(factor * side)) for side in (height, width))
    return min(rows, largest[0]), min(columns, largest[1])


def resize(planes: Planes, height: int, width: int, kernel: Filter) -> Planes:
    """Resize planes, widening the kernel if they shrink; `spans` has the definition."""
    if planes.shape[1:] == (height, width):
        return planes
    rows = _matrix(planes.shape[1], height, kernel)
    columns = _matrix(planes.shape[2], width, kernel)
    return ((rows @ planes) @ columns.T).astype(np.float32, copy=False)


@lru_cache(maxsize=512)
def _matrix(size_in: int, size_out: int, kernel: Filter) -> NDArray[np.float32]:
    """Return the weights of one axis, (size_out, size_in)."""
    (span,) = spans(size_in, size_out, kernel, length=size_out)
    matrix = np.zeros((size_out, size_in), np.float32)
    matrix[:, span.first : span.last] = span.weights.numpy()
    return matrix
