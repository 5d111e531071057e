"""The part of the maps at the source's size: differences, gradients, colour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sr_core.imaging.pixels import Pixels
from sr_core.metrics.trust.planes import QUARTERS, Edges, Plane, quarters, reduced

Planes = dict[str, NDArray[np.float32]]
_NEUTRAL = 2.0
"""Largest difference of the channels of a pixel without colour, in levels."""


def coarse_maps(source: Pixels, shrunk: Pixels, own: slice, rows: Edges, columns: Edges) -> Planes:
    """Sum a strip over its blocks.

    Args:
        source: (h, w, C), the strip with a row more above and below, if there is one.
        shrunk: the output at this size, same rows.
        own: the rows of the strip itself.
        rows: edges of the blocks in the strip.
        columns: edges of the blocks.

    Returns:
        Maps by their name in `Maps`; those with several planes have them last.
    """
    unit = np.float32(255 / np.iinfo(source.dtype).max)
    luma = quarters(source).astype(np.float32) / np.float32(QUARTERS)
    down, across = (np.gradient(luma, axis=axis).astype(np.float32)[own] for axis in (0, 1))
    luma = luma[own]
    difference = np.subtract(shrunk[own], source[own], dtype=np.float32) * unit
    change = quarters(shrunk[own]).astype(np.float32) / np.float32(QUARTERS) - luma
    colour, neutral = _colour(source[own], shrunk[own], unit)

    def summed(plane: Plane) -> Plane:
        return reduced(np.add, plane, rows, columns)

    products = (across * across, across * down, down * down, across * change, down * change)
    terms = (*products, across, down, change)
    return {
        "count": np.outer(np.diff(rows), np.diff(columns)).astype(np.float32),
        "difference": _stack([summed(plane) for plane in np.moveaxis(difference, 2, 0)]),
        "error": summed(np.square(difference).mean(axis=2, dtype=np.float32)),
        "luma": summed(luma),
        "luma_square": summed(np.square(luma)),
        "normal": _stack([summed(plane) for plane in terms]),
        "source_detail": summed(np.square(_diagonal(luma))),
        "neutral": summed(neutral),
        "colour": summed(colour),
    }


def _colour(
    source: Pixels, shrunk: Pixels, unit: np.float32
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the output's colour at pixels whose source has none, and 1 at these pixels."""
    if source.shape[2] == 1:
        zeros = np.zeros(source.shape[:2], np.float32)
        return zeros, zeros + np.float32(1)
    neutral = (_spread(source) * unit <= _NEUTRAL).astype(np.float32)
    return _spread(shrunk) * unit * neutral, neutral


def _spread(pixels: Pixels) -> NDArray[np.float32]:
    red, green, blue = np.moveaxis(pixels, 2, 0)
    highest = np.maximum(np.maximum(red, green), blue)
    lowest = np.minimum(np.minimum(red, green), blue)
    return (highest - lowest).astype(np.float32)


def _diagonal(luma: Plane) -> Plane:
    """Return the diagonal detail of each pixel with its right and lower neighbours."""
    found = np.zeros_like(luma)
    jumps = luma[1:] - luma[:-1]
    found[:-1, :-1] = (jumps[:, 1:] - jumps[:, :-1]) / 2
    return found


def _stack(planes: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.stack(planes, axis=-1)
