"""Metrics with a reference: PSNR and SSIM of luma."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from sr_core.imaging.pixels import Pixels
from sr_core.imaging.tensors import LUMA_OFFSET, LUMA_WEIGHTS, crop_border, luma_bt601
from sr_core.metrics.heap import keep_freed_memory
from sr_core.metrics.similarity import SSIM_OVERLAP_PX, SSIM_WINDOW_PX, ssim_sum

_TILE_PX = (96, 1024)
"""Rows and columns of SSIM windows compared at once; small enough that their planes stay cached."""
_Window = tuple[slice, slice]


def psnr_y(sr: Tensor, hr: Tensor, border_px: int) -> float:
    """Compute the PSNR of luma in dB with peak 1; +inf if the lumas are equal.

    Y is not rounded to integers. Row sums of squared errors are added up in float64.

    Args:
        sr: (1, 3, H, W) float in [0, 1], or (1, 1, H, W), treated as neutral RGB.
        hr: the reference; same height and width.
        border_px: pixels to crop on each side, by convention the scale.

    Returns:
        PSNR in dB; higher is better.

    Raises:
        ValueError: for other shapes, or if the border leaves nothing.

    Source: ITU-R BT.601 luma; arXiv 1609.04802, section 3.1 (Y, 4 pixels cropped at x4).
    """
    sr_y, hr_y = _lumas(sr, hr, border_px)
    return psnr_db(_squared_error(sr_y, hr_y) / hr_y.numel())


def ssim_y(sr: Tensor, hr: Tensor, border_px: int) -> float:
    """Compute the mean SSIM of luma: at most 1, reached only by equal images.

    Gaussian window of 11x11 with sigma 1.5, K1 = 0.01, K2 = 0.03, data range 1, population
    covariance. Only windows inside the image count.

    Args:
        sr: as in `psnr_y`.
        hr: as in `psnr_y`.
        border_px: as in `psnr_y`.

    Returns:
        SSIM; higher is better.

    Raises:
        ValueError: as `psnr_y`, and if fewer than 11x11 pixels are left.

    Source: Z. Wang et al., Image quality assessment: from error visibility to structural
    similarity, 2004.
    """
    sr_y, hr_y = _lumas(sr, hr, border_px)
    if min(hr_y.shape) < SSIM_WINDOW_PX:
        raise ValueError(f"SSIM needs 11x11 pixels inside the border, not {tuple(hr_y.shape)}")
    similarity = sum(ssim_sum(sr_y[tile], hr_y[tile]) for tile, _ in _tiles(*hr_y.shape))
    return similarity / _windows(*hr_y.shape)


def compare_y(sr: Pixels, hr: Pixels, border_px: int) -> tuple[float, float]:
    """Compute `psnr_y` and `ssim_y` of images of any size, tile by tile.

    Args:
        sr: (H, W, C) uint8 or uint16, C = 1 or 3.
        hr: the reference; same height and width, channels and dtype may differ.
        border_px: pixels to crop on each side, by convention the scale.

    Returns:
        PSNR in dB and SSIM.

    Raises:
        ValueError: if the sizes differ, or fewer than 11x11 pixels are left inside the border.
    """
    if sr.shape[:2] != hr.shape[:2]:
        raise ValueError(f"cannot compare sizes {sr.shape[:2]} and {hr.shape[:2]}")
    height, width = (side - 2 * border_px for side in hr.shape[:2])
    if min(height, width) < SSIM_WINDOW_PX:
        raise ValueError(f"a border of {border_px} px leaves {width}x{height} px, SSIM needs 11x11")
    inside = np.s_[border_px : border_px + height, border_px : border_px + width]
    sr, hr = sr[inside], hr[inside]
    keep_freed_memory()
    error = similarity = 0.0
    for tile, own in _tiles(height, width):
        sr_y, hr_y = luma(sr[tile]), luma(hr[tile])
        error += _squared_error(sr_y[own], hr_y[own])
        similarity += ssim_sum(sr_y, hr_y)
    return psnr_db(error / (height * width)), similarity / _windows(height, width)


def luma(pixels: Pixels) -> Tensor:
    """Compute Y of BT.601; grey is treated as neutral RGB.

    Shapes: (H, W, C) uint8 or uint16, C = 1 or 3 -> (H, W) float32 in [16/255, 235/255].
    """
    rgb = pixels.astype(np.float32)
    if rgb.shape[2] == 1:
        rgb = rgb.repeat(3, axis=2)  # the same sums as for RGB: results must be bit-identical
    weights = np.array(LUMA_WEIGHTS) / (255.0 * np.iinfo(pixels.dtype).max)
    # numpy multiplies row by row; BLAS starts no threads for products this small.
    y = rgb @ weights.astype(np.float32)
    y += np.float32(LUMA_OFFSET / 255.0)
    return torch.from_numpy(y)


def psnr_db(mean_squared_error: float) -> float:
    """Convert a mean squared error, relative to a peak of 1, to dB; 0 becomes +inf."""
    return -10.0 * math.log10(mean_squared_error) if mean_squared_error > 0.0 else math.inf


def _lumas(sr: Tensor, hr: Tensor, border_px: int) -> tuple[Tensor, Tensor]:
    """Check the shapes; return the lumas of both images, (H, W), without the border."""
    for image in (sr, hr):
        if image.ndim != 4 or image.shape[0] != 1 or image.shape[1] not in (1, 3):
            raise ValueError(f"expected (1, 1 or 3, H, W), not {tuple(image.shape)}")
    if sr.shape[-2:] != hr.shape[-2:]:
        raise ValueError(f"cannot compare sizes {tuple(sr.shape[-2:])} and {tuple(hr.shape[-2:])}")
    return _luma(crop_border(sr, border_px)), _luma(crop_border(hr, border_px))


def _luma(image: Tensor) -> Tensor:
    """Compute luma: (1, 1 or 3, H, W) -> (H, W)."""
    return luma_bt601(image.expand(-1, 3, -1, -1))[0, 0]


def _squared_error(sr_y: Tensor, hr_y: Tensor) -> float:
    # float32 is accurate enough for the sum of one row, and faster than float64 for every value.
    return float((sr_y - hr_y).square_().sum(1).sum(dtype=torch.float64))


def _windows(height: int, width: int) -> int:
    """Return the number of SSIM windows inside an image."""
    return (height - SSIM_OVERLAP_PX) * (width - SSIM_OVERLAP_PX)


def _tiles(height: int, width: int) -> Iterator[tuple[_Window, _Window]]:
    """Split an image into overlapping tiles such that each SSIM window lies in exactly one tile.

    Yields: the tile's window in the image, and the part of the tile that no later tile covers.
    """
    for top in range(0, height - SSIM_OVERLAP_PX, _TILE_PX[0]):
        rows, own_rows = _side(top, height, _TILE_PX[0])
        for left in range(0, width - SSIM_OVERLAP_PX, _TILE_PX[1]):
            columns, own_columns = _side(left, width, _TILE_PX[1])
            yield (rows, columns), (own_rows, own_columns)


def _side(start: int, size: int, length: int) -> tuple[slice, slice]:
    stop = start + length + SSIM_OVERLAP_PX
    return slice(start, stop), slice(length if stop < size else None)
