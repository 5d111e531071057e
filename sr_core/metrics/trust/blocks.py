"""Measures of single blocks: the worst of them, or their share."""

from __future__ import annotations

import numpy as np

from sr_core.metrics.trust.maps import Map, Maps
from sr_core.metrics.trust.worst import Worst, at_highest

_SOFTENING = 20.0
"""Added to variances, in squared levels: what any output may be off in flat areas."""
_NEUTRAL_SHARE = 0.05
"""Share of colourless source pixels from which grey is judged."""
_TEXTURE_SOFTENING = 2.0
_SHARE_OF_VARIANCE = 0.05
"""Detail that may be made of a source without any: this part of its variance, and 2."""
_DETAIL_FLOOR = 0.02, 0.2
"""Added to the squares of detail of output and source: rounding leaves about this much."""


def block_error(maps: Maps) -> Worst:
    """Find the block whose squared error is largest against the source's variance in it."""
    ratio = maps.error / maps.count / (_variance(maps) + np.float32(_SOFTENING))
    return at_highest(float(ratio.max()), ratio, maps)


def outlier(maps: Maps) -> Worst:
    """Find the output pixel that is furthest from the range of the source around it."""
    return at_highest(float(maps.outlier.max()), maps.outlier, maps)


def blank_share(maps: Maps) -> Worst:
    """Compute the share of the picture that is flat in the output alone."""
    share = float(maps.blank.sum(dtype=np.float64) / maps.count.sum(dtype=np.float64))
    return at_highest(share, maps.blank, maps)


def clipped_share(maps: Maps) -> Worst:
    """Compute the share of the picture that is black or white in the output alone."""
    share = float(maps.clipped.sum(dtype=np.float64) / maps.count.sum(dtype=np.float64))
    return at_highest(share, maps.clipped, maps)


def texture_excess(maps: Maps) -> Worst:
    """Find the 3x3 blocks with the most fine detail for what the source shows there."""
    counts = around(maps.count)
    own = around(maps.source_detail) / counts
    mean = around(maps.luma) / counts
    variance = np.maximum(around(maps.luma_square) / counts - mean * mean, 0)
    allowed = own + np.float32(_SHARE_OF_VARIANCE) * variance + np.float32(_TEXTURE_SOFTENING)
    ratio = around(maps.detail * maps.count) / counts / allowed
    return at_highest(float(ratio.max()), ratio, maps)


def detail_gain(maps: Maps) -> Worst:
    """Compute the median ratio of the finest detail of output and source; worst is least."""
    ratio = np.sqrt(
        (maps.detail + np.float32(_DETAIL_FLOOR[0]))
        / (maps.source_detail / maps.count + np.float32(_DETAIL_FLOOR[1]))
    )
    return at_highest(float(np.median(ratio)), -ratio, maps)


def grey_colour(maps: Maps) -> Worst | None:
    """Compute the mean colour of pixels whose source has none; None if there are few of them."""
    neutral = float(maps.neutral.sum(dtype=np.float64))
    if neutral < _NEUTRAL_SHARE * float(maps.count.sum(dtype=np.float64)):
        return None
    return at_highest(float(maps.colour.sum(dtype=np.float64)) / neutral, maps.colour, maps)


def around(map_: Map) -> Map:
    """Add up 3x3 blocks; fewer at the border."""
    padded = np.pad(map_, ((1, 1), (0, 0)))
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    padded = np.pad(rows, ((0, 0), (1, 1)))
    return padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]


def _variance(maps: Maps) -> Map:
    mean = maps.luma / maps.count
    return np.maximum(maps.luma_square / maps.count - mean * mean, 0)
