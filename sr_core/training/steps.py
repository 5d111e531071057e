"""One training step of SRResNet and of SRGAN."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sr_core.metrics.lpips import LPIPS
from sr_core.models.vgg import VGGFeatures, VGGStack
from sr_core.training.losses import (
    PIXEL_LOSSES,
    adversarial_loss,
    artefact_loss,
    discriminator_loss,
    grid_loss,
    perceptual_loss,
    saturated,
    vgg_loss,
)

FeatureNetwork = VGGFeatures | VGGStack | LPIPS
"""Trained network, frozen, whose features a loss compares."""


@dataclass(frozen=True, slots=True, eq=False)
class Networks:
    """The generator with everything its content loss needs.

    `generator` may be wrapped (compiled, distributed over workers).
    """

    generator: nn.Module
    generator_optimizer: torch.optim.Optimizer
    content: Mapping[str, float]
    features: Mapping[str, FeatureNetwork]
    """Network for each content loss that compares features."""
    clip_norm: float
    autocast_dtype: torch.dtype | None = None
    """Type for mixed precision, bfloat16, which needs no loss scaling; None for float32."""
    average: nn.Module | None = None
    """Moving average of the generator, for the artefact loss."""
    free_beyond_white: bool = False
    """Treat values beyond white or black as white or black if the truth is."""

    def upscaled(self, generator: nn.Module, lr: Tensor, hr: Tensor) -> Tensor:
        """Return lr upscaled as the losses see it, float32."""
        sr: Tensor = generator(lr).float()
        return saturated(sr, hr) if self.free_beyond_white else sr

    def autocast(self, device: torch.device) -> torch.autocast:
        """Return the context for forward passes."""
        enabled = self.autocast_dtype is not None
        return torch.autocast(device.type, self.autocast_dtype, enabled=enabled)


@dataclass(frozen=True, slots=True, eq=False)
class Adversary:
    """The discriminator, its optimiser and the weight of the adversarial loss."""

    discriminator: nn.Module
    """May be wrapped (distributed over workers)."""
    judge: nn.Module
    """The unwrapped discriminator, which the generator's step evaluates but does not update."""
    optimizer: torch.optim.Optimizer
    weight: float


def srresnet_step(networks: Networks, lr: Tensor, hr: Tensor) -> dict[str, Tensor]:
    """Update the generator on the content loss; return the losses, detached scalars.

    Shapes: lr (N, 3, H, W), hr (N, 3, scale H, scale W), float in [0, 1].
    Source: arXiv 1609.04802, section 2.2.1.
    """
    with networks.autocast(lr.device):
        sr = networks.upscaled(networks.generator, lr, hr)
        losses = _content_losses(networks, lr, sr, hr)
    _update_generator(networks, _weighted(networks.content, losses))
    return {name: loss.detach() for name, loss in losses.items()}


def srgan_step(
    networks: Networks, adversary: Adversary, lr: Tensor, hr: Tensor
) -> dict[str, Tensor]:
    """Update the generator on content and adversarial loss, then the discriminator.

    Returns the losses and the discriminator's mean probabilities of "photograph" for hr and sr,
    detached scalars. Shapes as in `srresnet_step`.
    Source: arXiv 1609.04802, equations 2 to 6; each step updates both networks once.
    """
    judge = adversary.judge
    judge.requires_grad_(False)
    with networks.autocast(lr.device):
        sr = networks.upscaled(networks.generator, lr, hr)
        losses = _content_losses(networks, lr, sr, hr)
        adversarial = adversarial_loss(judge(sr).float())
    content = _weighted(networks.content, losses)
    _update_generator(networks, content + adversary.weight * adversarial)
    judge.requires_grad_(True)
    losses |= {"adversarial": adversarial}
    losses |= _update_discriminator(networks, adversary, sr.detach(), hr)
    return {name: value.detach() for name, value in losses.items()}


def _update_discriminator(
    networks: Networks, adversary: Adversary, sr: Tensor, hr: Tensor
) -> dict[str, Tensor]:
    adversary.optimizer.zero_grad(set_to_none=True)
    losses, approval = [], {}
    # Separate passes: batch norm must not mix photographs with upscaled images.
    for name, image, is_photograph in (("d_hr", hr, True), ("d_sr", sr, False)):
        with networks.autocast(image.device):
            logits = adversary.discriminator(image).float()
        loss = discriminator_loss(logits, is_photograph=is_photograph)
        loss.backward()
        losses.append(loss.detach())
        approval[name] = torch.sigmoid(logits.detach()).mean()
    adversary.optimizer.step()
    return {"discriminator": torch.stack(losses).sum()} | approval


def _content_losses(networks: Networks, lr: Tensor, sr: Tensor, hr: Tensor) -> dict[str, Tensor]:
    losses = {name: PIXEL_LOSSES[name](sr, hr) for name in networks.content if name in PIXEL_LOSSES}
    if "grid" in networks.content:
        losses["grid"] = grid_loss(sr, hr, hr.shape[-1] // lr.shape[-1])
    if "artefact" in networks.content and networks.average is not None:
        with torch.no_grad():
            average = networks.upscaled(networks.average, lr, hr)
        losses["artefact"] = artefact_loss(sr, average, hr)
    return losses | {
        name: _feature_loss(network, sr, hr) for name, network in networks.features.items()
    }


def _feature_loss(network: FeatureNetwork, sr: Tensor, hr: Tensor) -> Tensor:
    if isinstance(network, VGGStack):
        return perceptual_loss(network, sr, hr)
    if isinstance(network, VGGFeatures):
        return vgg_loss(network, sr, hr)
    # Cheap beside VGG19, and the differences of normalised features are too small for bfloat16.
    with torch.autocast(sr.device.type, enabled=False):
        return network(sr, hr).mean()


def _weighted(weights: Mapping[str, float], losses: Mapping[str, Tensor]) -> Tensor:
    return torch.stack([weights[name] * losses[name] for name in weights]).sum()


def _update_generator(networks: Networks, loss: Tensor) -> None:
    networks.generator_optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(networks.generator.parameters(), networks.clip_norm)
    networks.generator_optimizer.step()
