"""The paper's losses: what the generator and the discriminator are trained to make small."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from sr_core.models.vgg import VGGFeatures

VGG_SCALE = 1 / 12.75
"""What the paper multiplies VGG19's feature maps by, so that their squared differences are of the
size of pixels' squared differences in [-1, 1]."""


def adversarial_loss(logits_of_sr: Tensor) -> Tensor:
    """Return how sure the discriminator is that the generator's images are no photographs.

    -log D(G(lr)), averaged over the batch; logits (N,) -> scalar.
    Source: arXiv 1609.04802, equation 6 (non-saturating form; the paper sums over the batch).
    """
    return F.softplus(-logits_of_sr).mean()


def discriminator_loss(logits: Tensor, *, is_photograph: bool) -> Tensor:
    """Return the cross entropy of one half of telling photographs from upscaled images.

    -log D(hr) for photographs, -log(1 - D(G(lr))) for upscaled images, averaged over the batch;
    logits (N,) -> scalar.
    Source: arXiv 1609.04802, equation 2.
    """
    return F.softplus(-logits if is_photograph else logits).mean()


def vgg_loss(features: VGGFeatures, sr: Tensor, hr: Tensor) -> Tensor:
    """Return the mean squared difference of rescaled feature maps phi_i,j.

    Shapes: (N, 3, H, W) float in [0, 1], twice -> scalar.
    Source: arXiv 1609.04802, equation 5, features multiplied by 1/12.75 (section 3.2).
    """
    return F.mse_loss(features(sr).float(), features(hr).float()) * VGG_SCALE**2


def grid_loss(sr: Tensor, hr: Tensor, scale: int) -> Tensor:
    """Return how differently the scale x scale sub-pixels of an LR pixel err, crop by crop.

    The mean error of each sub-pixel over a crop, less that of all sub-pixels, squared and averaged.
    The quickest way to more contrast, which perceptual losses ask for, is to push the sub-pixels
    apart the same way everywhere: a grid. Detail that does not repeat from LR pixel to LR pixel
    averages out and costs nothing here.

    Shapes: (N, 3, H, W) float in [0, 1], twice, sides multiples of scale -> scalar.
    Source: our own; the paper has no such loss, and trains long enough to unlearn the grid.
    """
    errors = F.pixel_unshuffle(sr - hr, scale).mean(dim=(2, 3))
    errors = errors.unflatten(1, (sr.shape[1], scale * scale))
    return (errors - errors.mean(dim=2, keepdim=True)).square().mean()


PIXEL_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"l1": F.l1_loss, "l2": F.mse_loss}
"""Of images in [0, 1], where the squared error is a quarter of that in the paper's [-1, 1]."""
