"""RRDBNet, the generator of ESRGAN and Real-ESRGAN."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sr_core.models.network import Network

_SLOPE = 0.2
"""Slope of every LeakyReLU."""
_RESIDUAL = 0.2
"""Factor that scales each residual."""


class DenseBlock(nn.Module):
    """Add the output of five densely connected 3x3 convolutions to the input.

    Shapes: (N, C, H, W) float -> the same.
    Source: arXiv 1809.00219, figure 4.
    """

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, growth, 3, padding=1)
        self.conv2 = nn.Conv2d(channels + growth, growth, 3, padding=1)
        self.conv3 = nn.Conv2d(channels + 2 * growth, growth, 3, padding=1)
        self.conv4 = nn.Conv2d(channels + 3 * growth, growth, 3, padding=1)
        self.conv5 = nn.Conv2d(channels + 4 * growth, channels, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """Return features + a fifth of the residual."""
        seen = features
        for conv in (self.conv1, self.conv2, self.conv3, self.conv4):
            seen = torch.cat([seen, F.leaky_relu_(conv(seen), _SLOPE)], 1)
        return torch.add(features, self.conv5(seen), alpha=_RESIDUAL)


class ResidualInResidualBlock(nn.Module):
    """Add the output of three dense blocks to the input.

    Shapes: (N, C, H, W) float -> the same.
    Source: arXiv 1809.00219, figure 4.
    """

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.dense1 = DenseBlock(channels, growth)
        self.dense2 = DenseBlock(channels, growth)
        self.dense3 = DenseBlock(channels, growth)

    def forward(self, features: Tensor) -> Tensor:
        """Return features + a fifth of the residual."""
        residual = self.dense3(self.dense2(self.dense1(features)))
        return torch.add(features, residual, alpha=_RESIDUAL)


class RRDBNet(Network):
    """Upscale RGB images with residual-in-residual dense blocks.

    ESRGAN's has a cell of one pixel. Real-ESRGAN's for scales 2 and 1 enlarges by 4 like the one
    for scale 4, but first takes 2x2 or 4x4 pixels together (pixel-unshuffle).

    Raises: ValueError if scale * cell_px is no power of 2.
    Source: arXiv 1809.00219, section 3.1; arXiv 2107.10833, section 3.4.
    """

    def __init__(
        self,
        scale: int = 4,
        channels: int = 64,
        blocks: int = 23,
        growth: int = 32,
        cell_px: int = 1,
    ) -> None:
        super().__init__()
        steps = int(math.log2(scale * cell_px))
        if 2**steps != scale * cell_px:
            raise ValueError(f"RRDBNet enlarges a cell by a power of 2, not by {scale * cell_px}")
        self.scale, self.channels, self.blocks = scale, channels, blocks
        self.growth, self.cell_px = growth, cell_px
        self.head = nn.Conv2d(3 * cell_px**2, channels, 3, padding=1)
        self.body = nn.Sequential(
            *(ResidualInResidualBlock(channels, growth) for _ in range(blocks))
        )
        self.trunk_conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.upsample = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, padding=1) for _ in range(steps)
        )
        self.last_hidden = nn.Conv2d(channels, channels, 3, padding=1)
        self.output = nn.Conv2d(channels, 3, 3, padding=1)

    @property
    def trunk_reach(self) -> int:
        """Cells of context that `trunk` sees on each side: 347 with 23 blocks."""
        return 1 + 15 * self.blocks + 1

    @property
    def tail_reach(self) -> int:
        """Cells of context that `tail` sees: 1/2 + 3/4 with two steps, 2 without any."""
        return 2

    @property
    def trunk_width(self) -> int:
        """Values per cell: inputs that wait for their residuals, two joined maps, one buffer."""
        return 4 * self.channels + 2 * (self.channels + 4 * self.growth)

    @property
    def tail_width(self) -> int:
        """Values per cell: three maps of the output's size."""
        return 3 * self.channels * (self.scale * self.cell_px) ** 2

    def trunk(self, lr: Tensor) -> Tensor:
        """Return features: (N, 3, H, W) -> (N, channels, H / cell_px, W / cell_px)."""
        lr = lr.to(self.head.weight.dtype)
        if self.cell_px > 1:
            lr = F.pixel_unshuffle(lr, self.cell_px)
        first = self.head(lr)
        return first + self.trunk_conv(self.body(first))

    def tail(self, features: Tensor) -> Tensor:
        """Return the image: (N, channels, h, w) -> (N, 3, scale H, scale W)."""
        for conv in self.upsample:
            enlarged = F.interpolate(features, scale_factor=2.0, mode="nearest")
            features = F.leaky_relu_(conv(enlarged), _SLOPE)
        features = F.leaky_relu_(self.last_hidden(features), _SLOPE)
        return self.output(features.to(self.output.weight.dtype))
