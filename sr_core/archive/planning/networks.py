"""The networks that images of a plan go through: scales, and megapixels that come out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from sr_core.models.catalogue import ASSUMED_SCALE, BASELINES, X4_FROM, models_of, native_scales

Ints = NDArray[np.int64]


def network_scales(
    model: str,
    width_px: Ints,
    height_px: Ints,
    output_width_px: Ints,
    output_height_px: Ints,
    *,
    unknown: float = X4_FROM,
) -> Ints | None:
    """Return the scale of the network for each image; None for interpolation, which has none.

    "auto" chooses a model when it reads an image; until then the larger network of both counts.

    Args:
        model: name or path of the model.
        width_px: widths of the sources; 0 if unknown, as in all sizes.
        height_px: heights of the sources.
        output_width_px: widths of the outputs.
        output_height_px: heights of the outputs.
        unknown: enlargement of images of unknown size.
    """
    if model in BASELINES:
        return None
    scales = [native_scales(each) for each in models_of(model)]
    smallest, largest = max(map(min, scales)), max(map(max, scales))
    side = np.maximum(width_px, height_px)
    output_side = np.maximum(output_width_px, output_height_px)
    enlargement = np.where(side > 0, output_side / np.maximum(side, 1), unknown)
    return np.where(enlargement < X4_FROM, smallest, largest).astype(np.int64)


def megapixels_by_scale(
    scales: Ints | None, source_px: Ints, output_px: Ints
) -> Mapping[int, float]:
    """Add up the megapixels that come out of networks, by scale; those of interpolation as x4.

    Args:
        scales: from `network_scales`.
        source_px: pixels of the sources.
        output_px: pixels of the outputs.
    """
    if scales is None:
        return {ASSUMED_SCALE: float(output_px.sum()) / 1e6}
    return {
        int(scale): float(source_px[scales == scale].sum()) * int(scale) ** 2 / 1e6
        for scale in np.unique(scales)
    }


def mean_speed(megapixels: Mapping[int, float], speed: Callable[[int], float]) -> float:
    """Return the speed at which megapixels of several scales come out.

    Args:
        megapixels: by scale, as `megapixels_by_scale` returns them.
        speed: returns megapixels per second for a scale.
    """
    made = {scale: amount for scale, amount in megapixels.items() if amount > 0}
    if len(made) < 2:
        return speed(next(iter(made or megapixels), ASSUMED_SCALE))
    return sum(made.values()) / sum(amount / speed(scale) for scale, amount in made.items())
