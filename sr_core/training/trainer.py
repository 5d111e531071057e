"""One stage of a training: networks, optimisers, moving average, and a resumable state."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sr_core.models.discriminator import Discriminator
from sr_core.models.generator import Generator, initialise_as_interpolator
from sr_core.models.unet_discriminator import UNetDiscriminator
from sr_core.training.settings import Stage
from sr_core.training.steps import (
    Adversary,
    FeatureNetwork,
    Networks,
    srgan_step,
    srresnet_step,
)
from sr_core.training.workers import LONE_WORKER, Worker

_BETAS = (0.9, 0.99)  # the second is .999 by default; a shorter memory suits short schedules


@dataclass(frozen=True, slots=True)
class StepResult:
    """Result of a step: its number from 1, its learning rate, its losses as tensors."""

    step: int
    learning_rate: float
    losses: Mapping[str, Tensor]


class Trainer:
    """Trainer of a generator for one stage.

    Source: arXiv 1609.04802, section 3.2, with deviations: learning rate and schedule, clipped
    gradients, a moving average of the weights, and the start from an interpolation.
    """

    def __init__(
        self,
        stage: Stage,
        *,
        scale: int = 4,
        seed: int = 0,
        start: Mapping[str, Tensor] | None = None,
        features: Mapping[str, FeatureNetwork] | None = None,
        worker: Worker = LONE_WORKER,
        autocast_dtype: torch.dtype | None = None,
        compiled: bool = False,
    ) -> None:
        """Create the networks and optimisers.

        Args:
            stage: losses and schedule.
            scale: scale of the generator, 2 or 4.
            seed: seed of the initial weights.
            start: state of a generator to start from; None for the interpolation.
            features: network for each loss of the stage that compares features.
            worker: device, and share of the batches.
            autocast_dtype: type for mixed precision; None for float32.
            compiled: use torch.compile for the generator, unless there are several workers.
        """
        torch.manual_seed(seed)
        self.stage, self.worker, self.step = stage, worker, 0
        self.generator = Generator(scale)
        if start is None:
            initialise_as_interpolator(self.generator)
        else:
            self.generator.load_state_dict(start)
        _place(self.generator, self.worker.device)
        self.average = copy.deepcopy(self.generator).requires_grad_(False).eval()
        self.discriminator = _discriminator(stage) if stage.adversarial > 0 else None
        if self.discriminator is not None:
            _place(self.discriminator, self.worker.device)
        self._networks = self._prepare(features or {}, autocast_dtype, compiled=compiled)
        self._adversary = self._prepare_adversary()

    def _prepare(
        self,
        features: Mapping[str, FeatureNetwork],
        autocast_dtype: torch.dtype | None,
        *,
        compiled: bool,
    ) -> Networks:
        for network in features.values():
            _place(network, self.worker.device)
        generator: nn.Module = self.worker.distributed(self.generator)
        if compiled and self.worker.world == 1:
            # Batch norms that communicate with other workers would break the graph.
            generator = torch.compile(generator)  # type: ignore[assignment]
        return Networks(
            generator=generator,
            generator_optimizer=_adam(self.generator),
            content={str(name): weight for name, weight in self.stage.content.items()},
            features=features,
            clip_norm=self.stage.clip_norm,
            autocast_dtype=autocast_dtype,
            average=self.average,
            free_beyond_white=self.stage.free_beyond_white,
        )

    def _prepare_adversary(self) -> Adversary | None:
        if self.discriminator is None:
            return None
        return Adversary(
            discriminator=self.worker.distributed(self.discriminator),
            judge=self.discriminator,
            optimizer=_adam(self.discriminator),
            weight=self.stage.adversarial,
        )

    def train(self, batches: Iterable[tuple[Tensor, Tensor]]) -> Iterator[StepResult]:
        """Take one step per batch, from `self.step` until the stage's last.

        The losses stay on the device; reading them waits for it.
        """
        self.generator.train()
        for lr, hr in batches:
            if self.step >= self.stage.steps:
                return
            if self.stage.norms_are_frozen_at(self.step):
                _freeze_norms(self.generator)
            rate = self._set_rates()
            images = [side.to(self.worker.device, non_blocking=True) for side in (lr, hr)]
            if self._adversary is None:
                losses = srresnet_step(self._networks, *images)
            else:
                losses = srgan_step(self._networks, self._adversary, *images)
            self.step += 1
            self._update_average()
            yield StepResult(self.step, rate, losses)

    def _set_rates(self) -> float:
        """Set the learning rates of this step; return the generator's."""
        stage, decay = self.stage, self.stage.decay_at(self.step)
        rate = stage.learning_rate * decay * stage.warmup_at(self.step)
        for group in self._networks.generator_optimizer.param_groups:
            group["lr"] = rate
        if self._adversary is not None:
            for group in self._adversary.optimizer.param_groups:
                group["lr"] = stage.discriminator_learning_rate * decay
        return rate

    @torch.no_grad()
    def _update_average(self) -> None:
        # A short memory at first, or the initial weights would dominate the average.
        decay = min(self.stage.ema_decay, (1 + self.step) / (10 + self.step))
        source = self.generator.state_dict()
        for name, mean in self.average.state_dict().items():
            if mean.is_floating_point():
                mean.lerp_(source[name], 1 - decay)
            else:
                mean.copy_(source[name])

    @torch.no_grad()
    def remove_colour_cast(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Shift the average's output bias so that the mean error of each colour is zero.

        Perceptual and adversarial losses hardly react to a shift of a few levels; people do.
        """
        if (bias := self.average.output.bias) is None:
            return
        errors = []
        for lr, hr in batches:
            sr = self.average(lr.to(self.worker.device))
            errors.append((sr - hr.to(self.worker.device)).mean(dim=(0, 2, 3)))
        bias -= torch.stack(errors).mean(dim=0)

    def state(self) -> dict[str, Any]:
        """Return the complete state of the training, for `load_state`."""
        return {
            "step": self.step,
            **{name: part.state_dict() for name, part in self._parts().items()},
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned for the same stage."""
        self.step = int(state["step"])
        for name, part in self._parts().items():
            part.load_state_dict(state[name])

    def _parts(self) -> dict[str, Any]:
        parts = {
            "generator": self.generator,
            "average": self.average,
            "generator_optimizer": self._networks.generator_optimizer,
            "discriminator": self.discriminator,
            "discriminator_optimizer": self._adversary and self._adversary.optimizer,
        }
        return {name: part for name, part in parts.items() if part is not None}


def _discriminator(stage: Stage) -> Discriminator | UNetDiscriminator:
    kind = UNetDiscriminator if stage.discriminator == "unet" else Discriminator
    return kind(stage.discriminator_channels)


def _freeze_norms(network: nn.Module) -> None:
    """Make batch norms use and keep their running statistics in training."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def _place(network: nn.Module, device: torch.device) -> None:
    network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def _adam(network: nn.Module) -> torch.optim.Optimizer:
    # Fused is ten times as fast for the discriminator's dense layer on a CPU.
    return torch.optim.Adam(network.parameters(), betas=_BETAS, fused=True)
