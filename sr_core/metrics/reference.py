"""Quality against a reference: PSNR and SSIM of luma."""

from __future__ import annotations

import functools
import math

import numpy as np
import torch
from torch import Tensor

from sr_core.imaging.pixels import Pixels
from sr_core.imaging.tensors import crop_border, luma_bt601

SSIM_WINDOW_PX = 11
_OVERLAP_PX = SSIM_WINDOW_PX - 1
_STRIP_PX = 1 << 18
"""About how many pixels of an image are held as floats at once."""
_TILE_PX = 96
"""Outputs of one SSIM tile: its planes stay in the cache."""


def psnr_y(sr: Tensor, hr: Tensor, border_px: int) -> float:
    """Measure the PSNR of luma in dB, with a peak of 1; +inf where the lumas are equal.

    Y is not rounded to integers. Errors are summed in float64.

    Args:
        sr: (1, 3, H, W) float in [0, 1], or (1, 1, H, W), which counts as neutral RGB.
        hr: the reference; same height and width.
        border_px: what to leave out on each side, by custom the scale.

    Raises:
        ValueError: for other shapes, or if the border leaves nothing.

    Source: ITU-R BT.601 luma; arXiv 1609.04802, section 3.1 (Y, 4 pixels cut at x4).
    """
    sr_y, hr_y = _lumas(sr, hr, border_px)
    return psnr_db(_squared_error(sr_y, hr_y) / hr_y.numel())


def ssim_y(sr: Tensor, hr: Tensor, border_px: int) -> float:
    """Measure the mean SSIM of luma: at most 1, reached by equal images only.

    Gaussian window of 11x11 with sigma 1.5, K1 = 0.01, K2 = 0.03, data range 1, population
    covariance, averaged where the whole window lies inside the image. Arguments as in `psnr_y`.

    Raises:
        ValueError: as `psnr_y`, and if less than 11x11 pixels are left.

    Source: Z. Wang et al., Image quality assessment: from error visibility to structural
    similarity, 2004.
    """
    sr_y, hr_y = _lumas(sr, hr, border_px)
    if min(hr_y.shape) < SSIM_WINDOW_PX:
        raise ValueError(f"SSIM needs 11x11 pixels inside the border, not {tuple(hr_y.shape)}")
    return _ssim_sum(sr_y, hr_y) / _windows(*hr_y.shape)


def compare_y(sr: Pixels, hr: Pixels, border_px: int) -> tuple[float, float]:
    """Measure `psnr_y` and `ssim_y` of images of any size, strip by strip.

    Args:
        sr: (H, W, C) uint8 or uint16.
        hr: the reference; same height and width, channels and dtype may differ.
        border_px: what to leave out on each side.

    Raises:
        ValueError: for other shapes, or if less than 11x11 pixels are left inside the border.
    """
    if sr.shape[:2] != hr.shape[:2]:
        raise ValueError(f"cannot compare sizes {sr.shape[:2]} and {hr.shape[:2]}")
    height, width = (side - 2 * border_px for side in hr.shape[:2])
    if min(height, width) < SSIM_WINDOW_PX:
        raise ValueError(f"a border of {border_px} px leaves {width}x{height} px, SSIM needs 11x11")
    inside = np.s_[border_px : border_px + height, border_px : border_px + width]
    sr, hr = sr[inside], hr[inside]
    strip_px = max(_STRIP_PX // width, _TILE_PX)
    error = similarity = 0.0
    for start in range(0, height, strip_px):
        rows = slice(start, start + strip_px + _OVERLAP_PX)
        sr_y, hr_y = luma(sr[rows]), luma(hr[rows])
        error += _squared_error(sr_y[:strip_px], hr_y[:strip_px])
        similarity += _ssim_sum(sr_y, hr_y)
    return psnr_db(error / (height * width)), similarity / _windows(height, width)


def planes(pixels: Pixels) -> Tensor:
    """(H, W, C) uint8 or uint16 -> (1, C, H, W) float32 in [0, 1], planar in memory.

    Planes, unlike the channels-last of `to_tensor`, make luma and filters fast.
    """
    planar = np.ascontiguousarray(pixels.transpose(2, 0, 1)).astype(np.float32)
    return torch.from_numpy(planar).div_(float(np.iinfo(pixels.dtype).max))[None]


def luma(pixels: Pixels) -> Tensor:
    """Return Y of BT.601: (H, W, C) uint8 or uint16 -> (H, W) float32; grey is neutral RGB."""
    return _luma(planes(pixels))


def psnr_db(mean_squared_error: float) -> float:
    """Convert a mean squared error, relative to a peak of 1, to dB; 0 becomes +inf."""
    return -10.0 * math.log10(mean_squared_error) if mean_squared_error > 0.0 else math.inf


def _lumas(sr: Tensor, hr: Tensor, border_px: int) -> tuple[Tensor, Tensor]:
    """Return both lumas (H, W) without the border."""
    for image in (sr, hr):
        if image.ndim != 4 or image.shape[0] != 1 or image.shape[1] not in (1, 3):
            raise ValueError(f"expected (1, 1 or 3, H, W), not {tuple(image.shape)}")
    if sr.shape[-2:] != hr.shape[-2:]:
        raise ValueError(f"cannot compare sizes {tuple(sr.shape[-2:])} and {tuple(hr.shape[-2:])}")
    return _luma(crop_border(sr, border_px)), _luma(crop_border(hr, border_px))


def _luma(image: Tensor) -> Tensor:
    """(1, 1 or 3, H, W) -> (H, W)."""
    return luma_bt601(image.expand(-1, 3, -1, -1))[0, 0]


def _squared_error(sr_y: Tensor, hr_y: Tensor) -> float:
    return float((sr_y - hr_y).square_().sum(dtype=torch.float64))


def _windows(height: int, width: int) -> int:
    """How many whole SSIM windows an image holds."""
    return (height - _OVERLAP_PX) * (width - _OVERLAP_PX)


def _ssim_sum(sr_y: Tensor, hr_y: Tensor) -> float:
    """Sum SSIM over all whole windows of (H, W); 0 where there is none."""
    height, width = hr_y.shape
    total = 0.0
    for top in range(0, height - _OVERLAP_PX, _TILE_PX):
        rows = slice(top, top + _TILE_PX + _OVERLAP_PX)
        for left in range(0, width - _OVERLAP_PX, _TILE_PX):
            columns = slice(left, left + _TILE_PX + _OVERLAP_PX)
            total += float(
                _ssim_map(sr_y[rows, columns], hr_y[rows, columns]).sum(dtype=torch.float64)
            )
    return total


def _ssim_map(x: Tensor, y: Tensor) -> Tensor:
    """SSIM at each whole window: (H, W) -> (H - 10, W - 10)."""
    c1, c2 = 0.01**2, 0.03**2
    # The variances are only needed as a sum, so four blurred planes serve instead of five.
    planes = torch.stack((x, y, x * x + y * y, x * y), dim=1)  # (H, 4, W)
    vertical, horizontal = (_gaussian(side).to(planes) for side in x.shape)
    blurred = (vertical @ planes.flatten(1)).view(-1, planes.shape[2]) @ horizontal.T
    mean_x, mean_y, square, product = blurred.view(-1, 4, horizontal.shape[0]).unbind(1)
    means = mean_x * mean_y
    mean_squares = mean_x * mean_x + mean_y * mean_y
    covariance, variances = product - means, square - mean_squares
    luminance = (2 * means + c1) / (mean_squares + c1)
    return luminance * (2 * covariance + c2) / (variances + c2)


@functools.lru_cache(maxsize=2 * _TILE_PX)
def _gaussian(size: int) -> Tensor:
    """Return the blur of one axis, whole windows only, as a band matrix (size - 10, size)."""
    offsets = torch.arange(SSIM_WINDOW_PX, dtype=torch.float64) - SSIM_WINDOW_PX // 2
    window = torch.exp(-0.5 * (offsets / 1.5) ** 2)
    matrix = torch.zeros(size - _OVERLAP_PX, size, dtype=torch.float64)
    for row in range(size - _OVERLAP_PX):
        matrix[row, row : row + SSIM_WINDOW_PX] = window / window.sum()
    return matrix.to(torch.float32)
