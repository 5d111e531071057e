"""A discriminator that judges the features of VGG19, and so learns in few steps."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

_SLOPE = 0.2
_WIDTHS = (64, 128, 256, 512)
"""Channels of conv1_2, conv2_2, conv3_4 and conv4_4; conv5_4 sees shapes more than textures."""


class FeatureDiscriminator(nn.Module):
    """Distinguish photographs from upscaled images by their features in VGG19.

    A small head judges every position of each of four feature maps. The features are trained
    already, so the heads notice noise and missing texture within some hundred steps, and they cost
    next to nothing if the perceptual loss has computed the features anyway.

    Shapes: the maps of `VGGStack`, from (N, 64, H, W) to (N, 512, H / 8, W / 8), further ones are
    ignored -> (N, 4, H, W) logits; positive means photograph. Each head has the same share of them.
    Source: arXiv 2111.01007 (Projected GANs), section 3, without its random mixing of features;
    spectral norm as in `UNetDiscriminator`.
    """

    def __init__(self, channels: int = 64) -> None:
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(
                spectral_norm(nn.Conv2d(width, channels, 1)),
                nn.LeakyReLU(_SLOPE),
                spectral_norm(nn.Conv2d(channels, channels, 3, padding=1)),
                nn.LeakyReLU(_SLOPE),
                nn.Conv2d(channels, 1, 1),
            )
            for width in _WIDTHS
        )

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Return logits of four feature maps: (N, C, h, w) each -> (N, 4, H, W)."""
        size = maps[0].shape[-2:]
        logits = [
            F.interpolate(head(_normalised(each)), size, mode="nearest")
            for head, each in zip(self.heads, maps, strict=False)
        ]
        return torch.cat(logits, dim=1)


def _normalised(features: Tensor) -> Tensor:
    """Divide features by their root mean square over channels; files of VGG19 differ in size."""
    return F.normalize(features.float(), dim=1) * features.shape[1] ** 0.5
