"""Luma in quarter levels, and its reduction to cells: the output pixels of one source pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sr_core.imaging.pixels import Pixels

QUARTERS = 4
"""Units of luma per level of 255."""

Quarters = NDArray[np.int16]
"""Luma (R + 2 G + B) of 8-bit levels, 0 to 1020."""
Plane = NDArray[Any]
Edges = NDArray[np.intp]
"""First index of each part of an axis, and the end of the last."""


def quarters(pixels: Pixels) -> Quarters:
    """Compute luma in quarter levels: (H, W, C) uint8 or uint16 -> (H, W) int16."""
    shift = 8 * (pixels.dtype.itemsize - 1)
    if pixels.shape[2] == 1:
        return (pixels[..., 0].astype(np.uint32) * QUARTERS >> shift).astype(np.int16)
    if shift == 0:
        luma = pixels[..., 1].astype(np.int16)
        luma += luma
        luma += pixels[..., 0]
        luma += pixels[..., 2]
        return luma
    wide = pixels.astype(np.uint32)
    return ((wide[..., 0] + 2 * wide[..., 1] + wide[..., 2]) >> shift).astype(np.int16)


def edges_of(size_in: int, size_out: int) -> Edges:
    """Return the first output pixel of each source pixel along an axis, and the end."""
    positions = (2 * np.arange(size_in + 1, dtype=np.int64) * size_out + size_in) // (2 * size_in)
    return positions.astype(np.intp)


def reduced(ufunc: np.ufunc, plane: Plane, rows: Edges, columns: Edges) -> Plane:
    """Reduce a plane to its parts by np.add, np.minimum or np.maximum.

    Args:
        ufunc: the reduction.
        plane: (H, W).
        rows: edges of the parts, from 0 to H.
        columns: edges from 0 to W.

    Returns:
        (len(rows) - 1, len(columns) - 1).
    """
    low = _along(ufunc, plane, rows)
    return _along(ufunc, low.T, columns).T


def _along(ufunc: np.ufunc, plane: Plane, edges: Edges) -> Plane:
    """Reduce the first axis."""
    lengths = np.diff(edges)
    length = int(lengths[0])
    if length * len(lengths) == len(plane) and (lengths == length).all():
        found = plane[0::length]
        for offset in range(1, length):
            found = ufunc(found, plane[offset::length])
        return found
    return ufunc.reduceat(plane, edges[:-1], axis=0)
