"""A discriminator that judges every pixel, for sources that were degraded in many ways."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

_SLOPE = 0.2


class UNetDiscriminator(nn.Module):
    """Distinguish photographs from upscaled images, pixel by pixel.

    Shapes: (N, 3, H, W) float in [0, 1], sides multiples of 8 -> (N, H, W) logits; positive means
    photograph.
    Source: arXiv 2107.10833 (Real-ESRGAN), section 3.4: a U-Net with spectral norm on all layers
    but the first and the last, and skip connections that are added. 64 channels there; 32 cost as
    much as the paper's discriminator.
    """

    def __init__(self, channels: int = 64) -> None:
        super().__init__()
        widths = [channels, 2 * channels, 4 * channels, 8 * channels]
        self.first = nn.Conv2d(3, channels, 3, padding=1)
        self.down = nn.ModuleList(
            spectral_norm(nn.Conv2d(narrow, 2 * narrow, 4, stride=2, padding=1, bias=False))
            for narrow in widths[:-1]
        )
        self.up = nn.ModuleList(
            spectral_norm(nn.Conv2d(wide, wide // 2, 3, padding=1, bias=False))
            for wide in widths[:0:-1]
        )
        self.last = nn.ModuleList(
            spectral_norm(nn.Conv2d(channels, channels, 3, padding=1, bias=False)) for _ in range(2)
        )
        self.logits = nn.Conv2d(channels, 1, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        """Return logits, (N, 3, H, W) -> (N, H, W)."""
        features = [F.leaky_relu(self.first(image), _SLOPE)]
        for convolution in self.down:
            features.append(F.leaky_relu(convolution(features[-1]), _SLOPE))
        current = features.pop()
        for convolution in self.up:
            wide = F.interpolate(current, scale_factor=2, mode="bilinear", align_corners=False)
            current = F.leaky_relu(convolution(wide), _SLOPE) + features.pop()
        for convolution in self.last:
            current = F.leaky_relu(convolution(current), _SLOPE)
        return self.logits(current)[:, 0]
