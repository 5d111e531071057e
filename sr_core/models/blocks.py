"""Blocks of the generator: the residual block and the sub-pixel upsampling block."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """Add two 3x3 convolutions with batch norm to the input.

    Shapes: (N, C, H, W) float -> the same.
    Source: arXiv 1609.04802, figure 4 (conv, BN, PReLU, conv, BN, elementwise sum).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.prelu = nn.PReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, features: Tensor) -> Tensor:
        """Return features + residual, (N, C, H, W)."""
        residual = self.prelu(self.bn1(self.conv1(features)))
        return features + self.bn2(self.conv2(residual))


class UpsampleBlock(nn.Module):
    """Double the height and width with a sub-pixel convolution.

    Shapes: (N, C, H, W) float -> (N, C, 2H, 2W).
    Source: arXiv 1609.04802, figure 4 (conv, PixelShuffle x2, PReLU); arXiv 1609.05158.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels * 4, 3, padding=1)
        self.shuffle = nn.PixelShuffle(2)
        self.prelu = nn.PReLU()

    def forward(self, features: Tensor) -> Tensor:
        """Return upsampled features, (N, C, 2H, 2W)."""
        return self.prelu(self.shuffle(self.conv(features)))

    def forward_unshuffled(self, features: Tensor) -> Tensor:
        """Return the features of `forward` before its PixelShuffle, (N, 4C, H, W).

        PReLU acts on channels, so it commutes with the shuffle if its slopes are repeated as the
        channels are.
        """
        return F.prelu(self.conv(features), unshuffled_slopes(self.prelu.weight))


def unshuffled_slopes(slopes: Tensor) -> Tensor:
    """Rearrange a PReLU's slopes so that they act before PixelShuffle(2): (1) or (C) -> (1), (4C).

    A single slope holds for all channels and stays as it is.
    """
    return slopes if slopes.numel() == 1 else slopes.repeat_interleave(4)


def unshuffled_kernel(weight: Tensor) -> Tensor:
    """Rearrange a kernel that acts after PixelShuffle(2) so that it acts before it.

    The convolution with the result, on the unshuffled features and at half the size, followed by
    PixelShuffle(2), equals the given one on the shuffled features. For the paper's 9x9 output layer
    it is a 5x5 kernel from 256 to 12 channels: the same sums in a shape that convolution libraries
    run much faster, and the 64-channel image of the largest size is never built.

    Args:
        weight: (out, C, k, k) float with odd k.

    Returns:
        (4 out, 4C, m, m) with m = 2 ((k // 2 + 1) // 2) + 1; differentiable.
    """
    out_channels, in_channels, size, _ = weight.shape
    reach = size // 2
    half_reach = (reach + 1) // 2
    taps = 2 * half_reach + 1
    # An output pixel of sub-position a sees input sub-position b of the half-size neighbour t
    # at distance 2 t + b - a; distances past the kernel's reach get a zero weight.
    t = torch.arange(taps, device=weight.device) - half_reach
    sub = torch.arange(2, device=weight.device)
    distance = 2 * t[None, None, :] + sub[None, :, None] - sub[:, None, None]  # (a, b, tap)
    inside = (distance.abs() <= reach).to(weight.dtype)
    index = (distance + reach).clamp(0, size - 1)
    rows = weight[:, :, index, :] * inside[None, None, :, :, :, None]  # (o, c, a, b, tap_y, k)
    both = rows[..., index] * inside  # (o, c, a, b, tap_y, a', b', tap_x)
    both = both.permute(0, 2, 5, 1, 3, 6, 4, 7)  # (o, a, a', c, b, b', tap_y, tap_x)
    return both.reshape(4 * out_channels, 4 * in_channels, taps, taps)
