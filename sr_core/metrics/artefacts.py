"""Artefacts of upscalers that people see and losses hardly feel: grain and a grid of sub-pixels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from sr_core.imaging.pixels import Pixels
from sr_core.metrics.reference import luma

_SMOOTHING_PX = 5
"""Side of the mean that detail is measured against."""
_BLOCK_PX = 8
_LEAST_BLOCKS = 16
"""Flat dark blocks that an image must have, 1024 pixels."""
_DARK = (16 + 0.3 * 219) / 255
"""Brightest smoothed luma of a dark block: 30 % of white."""
_FLAT = 6 / 255
"""Largest difference of smoothed luma within a flat block."""
_ROUNDING = 1 / 12 / 255**2
"""Variance of rounding to 8 bits."""


def flat_grain(sr: Pixels, hr: Pixels) -> float | None:
    """Compute how much grain the flat dark areas have, relative to the reference.

    Flat dark areas are the 8x8 blocks of the reference whose smoothed luma (5x5 mean) is dark and
    nearly constant. Grain is the standard deviation of luma minus smoothed luma in them. The
    variance of rounding to 8 bits is added to both, so that a reference without any grain neither
    divides by zero nor turns one stray level into a large ratio.

    Args:
        sr: (H, W, C) uint8 or uint16.
        hr: the reference, of the same height and width.

    Returns:
        1 for the reference's own grain, less if smoother, more if dotted; None if the reference has
        fewer than 16 such blocks.

    Raises:
        ValueError: if the sizes differ.
    """
    if sr.shape[:2] != hr.shape[:2]:
        raise ValueError(f"cannot compare sizes {sr.shape[:2]} and {hr.shape[:2]}")
    if min(hr.shape[:2]) < _BLOCK_PX:
        return None
    hr_y = luma(hr)
    smooth = _smoothed(hr_y)
    highest = F.max_pool2d(smooth[None], _BLOCK_PX)[0]
    lowest = -F.max_pool2d(-smooth[None], _BLOCK_PX)[0]
    chosen = (highest <= _DARK) & (highest - lowest <= _FLAT)
    if int(chosen.sum()) < _LEAST_BLOCKS:
        return None
    sr_y = luma(sr)
    variances = [
        float(_in_blocks((y - mean).square())[chosen].mean(dtype=torch.float64))
        for y, mean in ((sr_y, _smoothed(sr_y)), (hr_y, smooth))
    ]
    ratio = (variances[0] + _ROUNDING) / (variances[1] + _ROUNDING)
    return float(ratio**0.5)


def grid_share(image: Pixels, scale: int) -> float | None:
    """Compute the share of the finest detail that is a pattern repeated with every LR pixel.

    Detail is luma minus its 5x5 mean. The share is the standard deviation of its means at the
    scale x scale sub-pixels over its overall standard deviation.

    Args:
        image: (H, W, C) uint8 or uint16.
        scale: pixels per LR pixel.

    Returns:
        0 if no sub-pixel differs from the others, as in a blank image. Photographs have .01 on
        average and .03 at most; an obvious grid has .2. None below 5 * scale px a side.
    """
    if min(image.shape[:2]) < 5 * scale:
        return None
    y = luma(image)
    detail = (y - _smoothed(y))[2 * scale : -2 * scale, 2 * scale : -2 * scale]
    rows, columns = (side // scale for side in detail.shape)
    cells = detail[: rows * scale, : columns * scale].reshape(rows, scale, columns, scale)
    overall = float(detail.std())
    return float(cells.mean(dim=(0, 2)).std()) / overall if overall > 0 else 0.0


def _smoothed(y: Tensor) -> Tensor:
    """Compute the 5x5 mean of (H, W), over fewer pixels at the border."""
    margin = _SMOOTHING_PX // 2
    return F.avg_pool2d(y[None], _SMOOTHING_PX, 1, margin, count_include_pad=False)[0]


def _in_blocks(values: Tensor) -> Tensor:
    """Average (H, W) over each whole block."""
    return F.avg_pool2d(values[None], _BLOCK_PX)[0]
