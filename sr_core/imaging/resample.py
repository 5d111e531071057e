"""Interpolation (nearest, bilinear, bicubic, Lanczos) and the bicubic degradation of HR to LR."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from sr_core import scratch
from sr_core.imaging.pixels import Pixels
from sr_core.imaging.spans import Filter, output_centres, resize_window, side_by_side, spans

Interpolation = Literal["nearest", "bilinear", "bicubic"]

_NEAREST_ROWS = 64
"""Rows resized at once by nearest; bounds the memory of the gathered copy."""


def resize(image: Tensor, height: int, width: int, interpolation: Interpolation) -> Tensor:
    """Resize to height x width pixels.

    Bilinear and bicubic widen their kernel when shrinking (antialiasing). Bicubic uses Keys' cubic
    with a = -0.5, as MATLAB's imresize and Pillow do. Pixel centres are at half-integer positions.
    Bicubic may overshoot [0, 1]; its result is not clamped.

    Shapes: (N, C, H, W) float -> (N, C, height, width).
    Raises: ValueError if height or width is less than 1.
    Source: R. Keys, Cubic convolution interpolation for digital image processing, 1981.
    """
    if height < 1 or width < 1:
        raise ValueError(f"cannot resize to {width}x{height} pixels")
    if interpolation == "nearest":
        return F.interpolate(image, (height, width), mode="nearest-exact")
    # antialias=True also selects a = -0.5; when enlarging, it leaves the kernel's width as it is.
    return F.interpolate(
        image, (height, width), mode=interpolation, align_corners=False, antialias=True
    )


def degrade(hr: Tensor, scale: int) -> Tensor:
    """Make LR from HR by antialiased bicubic, clamped to [0, 1].

    HR is cropped to a multiple of scale at the bottom and the right first.

    Shapes: (N, C, H, W) float in [0, 1] -> (N, C, H // scale, W // scale).
    Raises: ValueError if a side is shorter than scale.
    Source: arXiv 1609.04802, section 3.1 (bicubic kernel, downsampling factor 4).
    """
    height, width = hr.shape[-2] // scale, hr.shape[-1] // scale
    hr = hr[..., : height * scale, : width * scale]
    return resize(hr, height, width, "bicubic").clamp(0, 1)


def resize_pixels(pixels: Pixels, height: int, width: int, interpolation: Interpolation) -> Pixels:
    """Resize an image of any size, using little memory beyond the result.

    Interpolates as `resize` does, rounded to nearest and clamped. It works tile by tile and places
    each tile by its float64 position in the whole image: `resize` does not know the position of a
    crop, and its float32 positions drift as images grow.

    Args:
        pixels: (H, W, C) uint8 or uint16.
        height: height of the result in pixels.
        width: width of the result in pixels.
        interpolation: nearest, bilinear or bicubic.

    Returns:
        (height, width, C), same dtype, contiguous.

    Raises:
        ValueError: if height or width is less than 1.
    """
    if height < 1 or width < 1:
        raise ValueError(f"cannot resize to {width}x{height} pixels")
    if interpolation == "nearest":
        return _nearest(pixels, height, width)
    return _filtered(pixels, height, width, interpolation)


def resize_lanczos(pixels: Pixels, height: int, width: int) -> Pixels:
    """Resize by Lanczos with radius 3; otherwise as `resize_pixels`."""
    return _filtered(pixels, height, width, "lanczos")


def _nearest(pixels: Pixels, height: int, width: int) -> Pixels:
    resized: Pixels = scratch.empty((height, width, pixels.shape[2]), pixels.dtype)
    rows, columns = (
        output_centres(*sizes).astype(np.intp)
        for sizes in ((pixels.shape[0], height), (pixels.shape[1], width))
    )
    for start in range(0, height, _NEAREST_ROWS):
        part = rows[start : start + _NEAREST_ROWS]
        resized[start : start + len(part)] = pixels[np.ix_(part, columns)]
    return resized


def _filtered(pixels: Pixels, height: int, width: int, interpolation: Filter) -> Pixels:
    resized: Pixels = scratch.empty((height, width, pixels.shape[2]), pixels.dtype)
    windows = side_by_side(spans(pixels.shape[1], width, interpolation))
    for row in spans(pixels.shape[0], height, interpolation):
        for columns in windows:
            window = resize_window(pixels, row, columns).permute(0, 2, 1).numpy()
            resized[row.start : row.stop, columns[0].start : columns[-1].stop] = window
    return resized
