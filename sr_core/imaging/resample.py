"""Interpolation: nearest, bilinear, bicubic, and the degradation that makes LR from HR."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

Interpolation = Literal["nearest", "bilinear", "bicubic"]


def resize(image: Tensor, height: int, width: int, interpolation: Interpolation) -> Tensor:
    """Resize to height x width pixels.

    Bilinear and bicubic widen their kernel where they shrink (antialiasing) and take Keys' cubic
    with a = -0.5, as MATLAB's imresize and Pillow do; pixel centres are aligned at half pixels.
    The result of bicubic can leave [0, 1] by its overshoot and is not clamped.

    Shapes: (N, C, H, W) float -> (N, C, height, width).
    Raises: ValueError if height or width is less than 1.
    Source: R. Keys, Cubic convolution interpolation for digital image processing, 1981.
    """
    if height < 1 or width < 1:
        raise ValueError(f"cannot resize to {width}x{height} pixels")
    if interpolation == "nearest":
        return F.interpolate(image, (height, width), mode="nearest-exact")
    # antialias=True also selects a = -0.5; where it enlarges, the kernel keeps its plain width.
    return F.interpolate(
        image, (height, width), mode=interpolation, align_corners=False, antialias=True
    )


def degrade(hr: Tensor, scale: int) -> Tensor:
    """Make LR from HR by antialiased bicubic, clamped to [0, 1].

    Shapes: (N, C, H, W) float in [0, 1] -> (N, C, H // scale, W // scale); rows and columns beyond
    a multiple of scale are cut off.
    Raises: ValueError if a side is shorter than scale.
    Source: arXiv 1609.04802, section 3.1 (bicubic kernel, downsampling factor 4).
    """
    height, width = hr.shape[-2] // scale, hr.shape[-1] // scale
    hr = hr[..., : height * scale, : width * scale]
    return resize(hr, height, width, "bicubic").clamp(0, 1)
