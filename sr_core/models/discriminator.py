"""The paper's discriminator, which judges if an image is a photograph or a generator's output."""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

_SLOPE = 0.2
_GRID = 6
"""Side of the last feature map of the paper's 96x96 crops."""


class Discriminator(nn.Module):
    """Distinguish photographs from upscaled images.

    Shapes: (N, 3, H, W) float in [0, 1], sides of at least 16 -> (N,) logits; positive means
    photograph.
    Source: arXiv 1609.04802, section 2.1.1 and figure 4: eight 3x3 convolutions from 64 to 512
    channels, every second one with stride 2, LeakyReLU of 0.2, batch norm from the second on, a
    dense layer of 1024. Deviations: the last feature map is averaged to 6x6 cells, which changes
    nothing for the paper's crops of 96x96 and takes any other size; logits instead of the sigmoid,
    which belongs to the loss; convolutions before a batch norm have no bias.
    """

    def __init__(self, channels: int = 64) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, channels, 3, padding=1)
        widths = [channels * factor for factor in (1, 1, 2, 2, 4, 4, 8, 8)]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(narrow, wide, 3, stride=2 - index % 2, padding=1, bias=False)
            for index, (narrow, wide) in enumerate(pairwise(widths))
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths[1:])
        self.dense = nn.Linear(widths[-1] * _GRID**2, 1024)
        self.logit = nn.Linear(1024, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Return logits, (N, 3, H, W) -> (N,)."""
        features = F.leaky_relu(self.first(image), _SLOPE)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            features = F.leaky_relu(norm(convolution(features)), _SLOPE)
        cells = F.adaptive_avg_pool2d(features, _GRID).flatten(1)
        return self.logit(F.leaky_relu(self.dense(cells), _SLOPE))[:, 0]
