"""MSRResNet, the SRResNet without batch norm that BasicSR trains."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sr_core.models.network import Network

_SLOPE = 0.1
"""Slope of the LeakyReLUs outside of the residual blocks, which have ReLUs."""
_COLOURS = 3


class PlainResidualBlock(nn.Module):
    """Add two 3x3 convolutions to the input.

    Shapes: (N, C, H, W) float -> the same.
    Source: arXiv 1707.02921, figure 2 (c).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """Return features + residual."""
        return features + self.conv2(F.relu_(self.conv1(features)))


class MSRResNet(Network):
    """Upscale RGB images by adding a residual network's output to a bilinear enlargement.

    Raises: ValueError if `scale` is not 2 or 4.
    Source: the layers of BasicSR's MSRResNet, as its published weights imply them.
    """

    def __init__(self, scale: int = 4, channels: int = 64, blocks: int = 16) -> None:
        super().__init__()
        if scale not in (2, 4):
            raise ValueError(f"MSRResNet's scale must be 2 or 4, not {scale}")
        self.scale, self.channels, self.blocks = scale, channels, blocks
        self.head = nn.Conv2d(_COLOURS, channels, 3, padding=1)
        self.body = nn.Sequential(*(PlainResidualBlock(channels) for _ in range(blocks)))
        self.upsample = nn.ModuleList(
            nn.Conv2d(channels, 4 * channels, 3, padding=1) for _ in range(int(math.log2(scale)))
        )
        self.last_hidden = nn.Conv2d(channels, channels, 3, padding=1)
        self.output = nn.Conv2d(channels, _COLOURS, 3, padding=1)

    @property
    def trunk_reach(self) -> int:
        """LR pixels of context that `trunk` sees on each side."""
        return 1 + 2 * self.blocks

    @property
    def tail_reach(self) -> int:
        """LR pixels of context that `tail` sees: 1 + 1/2 + 1/2 at most."""
        return 2

    @property
    def trunk_width(self) -> int:
        """Values per LR pixel: four maps, and the image."""
        return 4 * self.channels + _COLOURS

    @property
    def tail_width(self) -> int:
        """Values per LR pixel: three maps of the output's size."""
        return 3 * self.channels * self.scale**2

    def trunk(self, lr: Tensor) -> Tensor:
        """Return features and the image itself: (N, 3, H, W) -> (N, channels + 3, H, W)."""
        first = F.leaky_relu_(self.head(lr.to(self.head.weight.dtype)), _SLOPE)
        return torch.cat([self.body(first).to(lr.dtype), lr], 1)

    def tail(self, features: Tensor) -> Tensor:
        """Return the image: (N, channels + 3, H, W) -> (N, 3, scale H, scale W)."""
        lr = features[:, self.channels :]
        hidden = features[:, : self.channels].to(self.last_hidden.weight.dtype)
        for conv in self.upsample:
            hidden = F.leaky_relu_(F.pixel_shuffle(conv(hidden), 2), _SLOPE)
        hidden = F.leaky_relu_(self.last_hidden(hidden), _SLOPE)
        detail = self.output(hidden.to(self.output.weight.dtype))
        return detail + F.interpolate(
            lr, scale_factor=float(self.scale), mode="bilinear", align_corners=False
        )
