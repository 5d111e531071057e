"""SSIM of two planes by two convolutions, which are fast on every processor."""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as F
from torch import Tensor

SSIM_WINDOW_PX = 11
SSIM_OVERLAP_PX = SSIM_WINDOW_PX - 1
_LANES = 16
"""Neighbouring pixels treated as channels of a convolution: one AVX-512 register of float32."""
_C1, _C2 = 0.01**2, 0.03**2


@torch.inference_mode()
def ssim_sum(x: Tensor, y: Tensor) -> float:
    """Sum SSIM over all windows inside two planes (H, W) of at least 11x11 pixels, peak 1.

    Computed from the sum s and the difference d of the planes. They need fewer passes over memory
    than x and y, and their rounding errors cancel if the planes are alike: SSIM of equal planes is
    exactly 1.

        SSIM = (m_s^2 - m_d^2 + 2 C1)(v_s - v_d + 2 C2) / ((m_s^2 + m_d^2 + 2 C1)(v_s + v_d + 2 C2))
    """
    height, width = x.shape
    inside = width - SSIM_OVERLAP_PX
    # The blur of each block of lanes reads the next block; zeros pad the last one.
    padded = (-(-inside // _LANES) + 1) * _LANES
    # CUDA may compute float32 convolutions in TF32; float64 is not affected.
    dtype = torch.float32 if x.device.type == "cpu" else torch.float64
    planes = torch.empty(4, height, padded, dtype=dtype, device=x.device)
    planes[:2, :, width:] = 0.0
    torch.add(x, y, out=planes[0, :, :width])
    torch.sub(x, y, out=planes[1, :, :width])
    torch.mul(planes[:2], planes[:2], out=planes[2:])
    blurred = _blur(planes)
    means, variances = blurred.split(2)
    variances.sub_(means.square_())
    means[0].add_(2 * _C1)
    variances[0].add_(2 * _C2)
    of_sum, of_difference = blurred[::2], blurred[1::2]
    above, below = of_sum - of_difference, of_sum.add_(of_difference)
    similarity = above[0].mul_(above[1]).div_(below[0].mul_(below[1]))
    return float(similarity[:, :inside].sum(1).sum(dtype=torch.float64))


def _blur(planes: Tensor) -> Tensor:
    """Blur with the window inside the planes: (N, H, W) -> (N, H - 10, W - 16); 16 divides W."""
    count, height, width = planes.shape
    vertical, horizontal = _kernels(planes.dtype, planes.device)
    # In memory a row is already a row of blocks of channels, so nothing is copied.
    blocks = planes.view(count, height, width // _LANES, _LANES).permute(0, 3, 1, 2)
    blurred = F.conv2d(F.conv2d(blocks, vertical, groups=_LANES), horizontal)
    return blurred.permute(0, 2, 3, 1).reshape(count, height - SSIM_OVERLAP_PX, width - _LANES)


@functools.cache
def _kernels(dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the kernels of the vertical (16, 1, 11, 1) and the horizontal blur (16, 16, 1, 2).

    The vertical one applies to each channel separately.
    """
    offsets = torch.arange(SSIM_WINDOW_PX, dtype=torch.float64) - SSIM_WINDOW_PX // 2
    window = torch.exp(-0.5 * (offsets / 1.5) ** 2)
    window /= window.sum()
    band = torch.zeros(_LANES, 2 * _LANES, dtype=torch.float64)
    for lane in range(_LANES):
        band[lane, lane : lane + SSIM_WINDOW_PX] = window
    vertical = window.expand(_LANES, 1, 1, -1).transpose(2, 3)
    horizontal = band.view(_LANES, 1, 2, _LANES).permute(0, 3, 1, 2)
    channels_last = torch.channels_last
    return (
        vertical.to(device, dtype).contiguous(memory_format=channels_last),
        horizontal.to(device, dtype).contiguous(memory_format=channels_last),
    )
