"""Conversion between pixel arrays (HWC integers) and tensors (NCHW floats); BT.601 luma."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from torch import Tensor

from sr_core.imaging.pixels import Pixels

LUMA_WEIGHTS = (65.481, 128.553, 24.966)
LUMA_OFFSET = 16.0
"""Y of ITU-R BT.601 in 8-bit levels: LUMA_OFFSET plus LUMA_WEIGHTS times R, G and B in [0, 1]."""


def to_tensor(pixels: Pixels) -> Tensor:
    """Convert an image to a batch of one.

    Args:
        pixels: (H, W, C) uint8 or uint16, full range.

    Returns:
        (1, C, H, W) float32 in [0, 1], channels-last in memory.

    Raises:
        TypeError: if the dtype is neither uint8 nor uint16.
    """
    # torch does not accept read-only arrays, and arrays of Pillow images are read-only.
    writable = np.require(pixels, requirements=["C", "W"])
    return to_unit_range(torch.from_numpy(writable))[None].permute(0, 3, 1, 2)


def to_unit_range(values: Tensor) -> Tensor:
    """Convert full-range uint8 or uint16 of any shape to float32 in [0, 1].

    Raises: TypeError if the dtype is neither uint8 nor uint16.
    """
    if values.dtype not in (torch.uint8, torch.uint16):
        raise TypeError(f"pixels must be uint8 or uint16, not {values.dtype}")
    return values.to(torch.float32) / torch.iinfo(values.dtype).max


def to_pixels(image: Tensor, dtype: np.dtype[np.uint8] | np.dtype[np.uint16]) -> Pixels:
    """Convert a batch of one to an image, rounding to nearest and clamping to [0, 1].

    Args:
        image: (1, C, H, W) float, nominally in [0, 1].
        dtype: uint8 or uint16.

    Returns:
        (H, W, C) of the given dtype, contiguous.
    """
    pixels = to_integers(image, dtype).cpu().numpy()
    return cast("Pixels", pixels.astype(dtype, copy=False))


def to_integers(image: Tensor, dtype: np.dtype[np.uint8] | np.dtype[np.uint16]) -> Tensor:
    """Convert as `to_pixels` does, staying on the image's device.

    Args:
        image: (1, C, H, W) float, nominally in [0, 1].
        dtype: uint8 or uint16.

    Returns:
        (H, W, C) uint8, or int32 if dtype is uint16: torch has hardly any operations on uint16.
    """
    top = int(np.iinfo(dtype).max)
    scaled = image[0].to(torch.float32).clamp(0, 1).mul(top).round_()
    integers = scaled.to(torch.uint8 if top == 255 else torch.int32)
    return integers.permute(1, 2, 0).contiguous()


def luma_bt601(rgb: Tensor) -> Tensor:
    """Compute Y of studio-swing YCbCr, the channel that super-resolution benchmarks measure.

    Shapes: (N, 3, H, W) float in [0, 1] -> (N, 1, H, W) in [16/255, 235/255].
    Source: ITU-R BT.601, as in MATLAB's rgb2ycbcr.
    """
    weights = rgb.new_tensor(LUMA_WEIGHTS)
    # einsum sums over the channels of a channels-last image without copying it.
    return (torch.einsum("nchw,c->nhw", rgb, weights)[:, None] + LUMA_OFFSET) / 255.0


def crop_border(image: Tensor, border_px: int) -> Tensor:
    """Crop `border_px` pixels from each side of (N, C, H, W).

    Raises: ValueError if nothing would be left.
    """
    if border_px == 0:
        return image
    if min(image.shape[-2:]) <= 2 * border_px:
        raise ValueError(f"a border of {border_px} px leaves nothing of {tuple(image.shape[-2:])}")
    return image[..., border_px:-border_px, border_px:-border_px]
