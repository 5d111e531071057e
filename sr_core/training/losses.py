"""Losses of the generator and the discriminator."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from sr_core.models.vgg import VGGFeatures, VGGStack

VGG_SCALE = 1 / 12.75
"""Factor of VGG19's feature maps in the paper; it brings their squared differences to the size of
squared pixel differences in [-1, 1]."""


def saturated(sr: Tensor, hr: Tensor) -> Tensor:
    """Return sr with values beyond white or black cut off if the truth is white or black there.

    Outputs are clamped to [0, 1] in use, so such values are no errors. Were they punished, white
    paper would be predicted with as much above as below 1, and half of it would come out grey.

    Shapes: (N, 3, H, W) float, twice; hr in [0, 1].
    Source: our own.
    """
    beyond = ((hr >= 1) & (sr > 1)) | ((hr <= 0) & (sr < 0))
    return torch.where(beyond, hr, sr)


def adversarial_loss(logits_of_sr: Tensor) -> Tensor:
    """Return the generator's adversarial loss.

    -log D(G(lr)), averaged; logits of any shape -> scalar.
    Source: arXiv 1609.04802, equation 6 (non-saturating form; the paper sums over the batch).
    """
    return F.softplus(-logits_of_sr).mean()


def discriminator_loss(logits: Tensor, *, is_photograph: bool) -> Tensor:
    """Return the discriminator's cross entropy on photographs or on upscaled images.

    -log D(hr) for photographs, -log(1 - D(G(lr))) for upscaled images, averaged; logits of any
    shape -> scalar.
    Source: arXiv 1609.04802, equation 2.
    """
    return F.softplus(-logits if is_photograph else logits).mean()


def vgg_loss(features: VGGFeatures, sr: Tensor, hr: Tensor) -> Tensor:
    """Return the mean squared difference of rescaled feature maps phi_i,j.

    Shapes: (N, 3, H, W) float in [0, 1], twice -> scalar.
    Source: arXiv 1609.04802, equation 5, features multiplied by 1/12.75 (section 3.2).
    """
    return F.mse_loss(features(sr).float(), features(hr).float()) * VGG_SCALE**2


PERCEPTUAL_WEIGHTS = (0.1, 0.1, 1.0, 1.0, 1.0)
"""Weights of conv1_2, conv2_2, conv3_4, conv4_4 and conv5_4, as in Real-ESRGAN."""


def perceptual_loss(features: VGGStack, sr: Tensor, hr: Tensor) -> Tensor:
    """Return the weighted sum of the relative absolute differences of five feature maps.

    Each layer's difference is divided by the mean size of its features of hr. So the layers weigh
    the same with any file of VGG19: the features of Caffe's are up to a hundred times as large as
    those of torchvision's, and by another factor in each layer.

    Shapes: (N, 3, H, W) float in [0, 1], twice -> scalar.
    Source: arXiv 2107.10833 (Real-ESRGAN), section 4.1; the division is ours.
    """
    with torch.no_grad():
        expected = [each.float() for each in features(hr)]
    layers = zip(PERCEPTUAL_WEIGHTS, features(sr), expected, strict=True)
    distances = [
        weight * F.l1_loss(found.float(), truth) / truth.abs().mean()
        for weight, found, truth in layers
    ]
    return torch.stack(distances).sum()


def artefact_loss(sr: Tensor, average: Tensor, hr: Tensor) -> Tensor:
    """Return the error of sr in pixels that look like artefacts.

    In such pixels the local variance of the error is high, and the moving average of the generator
    has a smaller error. The weights of the pixels carry no gradient.

    Args:
        sr: (N, 3, H, W) float in [0, 1].
        average: the same image by the generator's moving average.
        hr: the truth.

    Returns:
        A scalar.

    Source: arXiv 2203.09195 (LDL), equations 4 to 7.
    """
    with torch.no_grad():
        error, average_error = ((hr - image).abs().sum(1, keepdim=True) for image in (sr, average))
        uneven = error.var(dim=(1, 2, 3), keepdim=True).pow(1 / 5)
        weight = uneven * _local_variance(error)
        weight = weight.masked_fill(error < average_error, 0)
    return (weight * (sr - hr)).abs().mean()


def _local_variance(image: Tensor, side: int = 7) -> Tensor:
    """Return the unbiased variance of the window round each pixel, (N, 1, H, W)."""
    padded = F.pad(image, [side // 2] * 4, mode="reflect")
    mean, mean_square = (F.avg_pool2d(each, side, 1) for each in (padded, padded.square()))
    return (mean_square - mean.square()).clamp_min(0) * (side**2 / (side**2 - 1))


def grid_loss(sr: Tensor, hr: Tensor, scale: int) -> Tensor:
    """Return the variance of the sub-pixels' mean errors over a crop.

    The mean error of each of the scale x scale sub-pixels of LR pixels over a crop, less that of
    all sub-pixels, squared and averaged. Perceptual losses reward contrast, and the easiest way to
    add it is to push the sub-pixels apart the same way everywhere: a grid. Detail that does not
    repeat from LR pixel to LR pixel averages out and costs nothing here.

    Shapes: (N, 3, H, W) float in [0, 1], twice, sides multiples of scale -> scalar.
    Source: our own. The paper trains long enough to unlearn the grid without it.
    """
    errors = F.pixel_unshuffle(sr - hr, scale).mean(dim=(2, 3))
    errors = errors.unflatten(1, (sr.shape[1], scale * scale))
    return (errors - errors.mean(dim=2, keepdim=True)).square().mean()


BLOTCH_SIDES_PX = (4, 8, 16)
"""Sides of the blocks of the blotch loss, in HR pixels: from one LR pixel to four at x4."""


def blotch_loss(sr: Tensor, hr: Tensor) -> Tensor:
    """Return the sum of the mean absolute errors of the means of blocks, for blocks of three sizes.

    What noise leaves behind in flat areas is faint per pixel but reaches over many pixels, in
    colour above all. Other losses hardly feel it, people see it first.

    Shapes: (N, 3, H, W) float in [0, 1], twice, sides of at least 16 -> scalar.
    Source: our own.
    """
    errors = [F.avg_pool2d(sr - hr, side).abs().mean() for side in BLOTCH_SIDES_PX]
    return torch.stack(errors).sum()


PIXEL_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": F.l1_loss,
    "l2": F.mse_loss,
    "blotch": blotch_loss,
}
"""For images in [0, 1], whose squared error is a quarter of that in the paper's [-1, 1]."""
