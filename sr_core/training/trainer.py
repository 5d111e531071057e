"""One stage of a training: networks, optimisers, moving average, and a state that resumes it."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sr_core.errors import SrfleetError
from sr_core.models.discriminator import Discriminator
from sr_core.models.generator import Generator, initialise_as_interpolator
from sr_core.models.unet_discriminator import UNetDiscriminator
from sr_core.models.vgg import VGGFeatures, VGGStack
from sr_core.training.settings import Stage
from sr_core.training.steps import Networks, srgan_step, srresnet_step
from sr_core.training.workers import LONE_WORKER, Worker

_BETAS = (0.9, 0.99)  # a shorter memory of squares than the usual .999 suits short schedules


class DivergenceError(SrfleetError):
    """A training stopped because its numbers ran away; the last checkpoint stands."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one step reports: its number from 1, its learning rate, its losses as tensors."""

    step: int
    learning_rate: float
    losses: Mapping[str, Tensor]


class Trainer:
    """Train a generator through one stage.

    Source: arXiv 1609.04802, section 3.2, with the deviations that `Stage` shows: another learning
    rate and schedule, clipped gradients, and a moving average of the weights; and with the start
    from an interpolation.
    """

    def __init__(
        self,
        stage: Stage,
        *,
        scale: int = 4,
        seed: int = 0,
        start: Mapping[str, Tensor] | None = None,
        vgg: Mapping[str, VGGFeatures | VGGStack] | None = None,
        worker: Worker = LONE_WORKER,
        autocast_dtype: torch.dtype | None = None,
        compiled: bool = False,
    ) -> None:
        """Prepare the first step.

        Args:
            stage: losses and schedule.
            scale: of the generator, 2 or 4.
            seed: decides the first weights.
            start: state of a generator to start from; None: the interpolation.
            vgg: feature maps by name, for each VGG loss of the stage.
            worker: where everything lives, and which part of the batches comes here.
            autocast_dtype: of mixed precision; None computes in float32.
            compiled: pass the generator through torch.compile, if this worker is alone.
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
        self._networks = self._prepare(vgg or {}, autocast_dtype, compiled=compiled)

    def _prepare(
        self,
        vgg: Mapping[str, VGGFeatures | VGGStack],
        autocast_dtype: torch.dtype | None,
        *,
        compiled: bool,
    ) -> Networks:
        for features in vgg.values():
            _place(features, self.worker.device)
        generator: nn.Module = self.worker.distributed(self.generator)
        if compiled and self.worker.world == 1:
            # Batch norms that talk to other workers would break the graph into pieces.
            generator = torch.compile(generator)  # type: ignore[assignment]
        discriminator = self.discriminator
        return Networks(
            generator=generator,
            generator_optimizer=_adam(self.generator),
            content={str(name): weight for name, weight in self.stage.content.items()},
            vgg=vgg,
            clip_norm=self.stage.clip_norm,
            autocast_dtype=autocast_dtype,
            average=self.average,
            discriminator=None if discriminator is None else self.worker.distributed(discriminator),
            judge=discriminator,
            discriminator_optimizer=None if discriminator is None else _adam(discriminator),
            adversarial=self.stage.adversarial,
        )

    def train(self, batches: Iterable[tuple[Tensor, Tensor]]) -> Iterator[StepResult]:
        """Take one step for each batch, from `self.step` on, until the stage's steps are done.

        The losses stay on the device: whoever reads them waits for it. `check_losses` is for that.
        """
        take_step = srresnet_step if self.discriminator is None else srgan_step
        self.generator.train()
        for lr, hr in batches:
            if self.step >= self.stage.steps:
                return
            if self.stage.norms_are_frozen_at(self.step):
                _freeze_norms(self.generator)
            rate = self._set_rates()
            images = [side.to(self.worker.device, non_blocking=True) for side in (lr, hr)]
            losses = take_step(self._networks, *images)
            self.step += 1
            self._update_average()
            yield StepResult(self.step, rate, losses)

    def _set_rates(self) -> float:
        """Set this step's learning rates; return the generator's."""
        stage, decay = self.stage, self.stage.decay_at(self.step)
        rate = stage.learning_rate * decay * stage.warmup_at(self.step)
        for group in self._networks.generator_optimizer.param_groups:
            group["lr"] = rate
        if self._networks.discriminator_optimizer is not None:
            for group in self._networks.discriminator_optimizer.param_groups:
                group["lr"] = stage.discriminator_learning_rate * decay
        return rate

    @torch.no_grad()
    def _update_average(self) -> None:
        # A short memory at the start, or the average would drag the first weights along.
        decay = min(self.stage.ema_decay, (1 + self.step) / (10 + self.step))
        source = self.generator.state_dict()
        for name, mean in self.average.state_dict().items():
            if mean.is_floating_point():
                mean.lerp_(source[name], 1 - decay)
            else:
                mean.copy_(source[name])

    @torch.no_grad()
    def remove_colour_cast(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Move the average's output bias so that no colour errs in the mean over these batches.

        Perceptual and adversarial losses hardly feel a shift of a few levels; people do.
        """
        bias = self.average.output.bias
        assert bias is not None
        errors = []
        for lr, hr in batches:
            sr = self.average(lr.to(self.worker.device))
            errors.append((sr - hr.to(self.worker.device)).mean(dim=(0, 2, 3)))
        bias -= torch.stack(errors).mean(dim=0)

    def state(self) -> dict[str, Any]:
        """Return everything that a resumed training needs to go on with the same numbers."""
        return {
            "step": self.step,
            **{name: part.state_dict() for name, part in self._parts().items()},
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned, in a trainer of the same stage."""
        self.step = int(state["step"])
        for name, part in self._parts().items():
            part.load_state_dict(state[name])

    def _parts(self) -> dict[str, Any]:
        parts = {
            "generator": self.generator,
            "average": self.average,
            "generator_optimizer": self._networks.generator_optimizer,
            "discriminator": self.discriminator,
            "discriminator_optimizer": self._networks.discriminator_optimizer,
        }
        return {name: part for name, part in parts.items() if part is not None}


class LossSums:
    """The losses since the last report; they stay on the device until one is asked for."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._steps = 0
        self._timed_steps, self._start = 0, time.monotonic()

    def add(self, losses: Mapping[str, Tensor]) -> None:
        """Add one step's losses."""
        for name, loss in losses.items():
            self._sums[name] = self._sums[name] + loss if self._steps else loss
        self._steps += 1
        self._timed_steps += 1

    def leave_out(self, seconds: float) -> None:
        """Count time that no step took, as a validation does, out of the seconds of one step."""
        self._start += seconds

    def take(self, worker: Worker) -> tuple[dict[str, float], float]:
        """Return the mean losses of all workers and the seconds of one step, and begin anew."""
        losses = worker.mean({name: total / self._steps for name, total in self._sums.items()})
        seconds = (time.monotonic() - self._start) / max(1, self._timed_steps)
        self._clear()
        return losses, seconds

    def state(self, worker: Worker) -> dict[str, Any]:
        """Return what `load_state` needs to report the same losses; all workers call it."""
        sums = worker.mean(self._sums) if self._sums else {}
        return {"steps": self._steps, "sums": sums}

    def load_state(self, state: Mapping[str, Any], device: torch.device) -> None:
        """Go on from what `state` returned."""
        self._clear()
        self._steps = int(state["steps"])
        self._sums = {
            name: torch.tensor(total, device=device) for name, total in state["sums"].items()
        }


def check_losses(stage: Stage, step: int, losses: Mapping[str, float], lowest: float) -> float:
    """Return the lowest weighted content loss so far, given the mean losses up to a step.

    Raises: DivergenceError if a loss is not finite or the content loss is four times its lowest.
    """
    for name, value in losses.items():
        if not math.isfinite(value):
            raise DivergenceError(
                f"the {name} loss of stage {stage.name} is {value} at step {step}: "
                "lower its learning rate, or resume from the last checkpoint with another seed"
            )
    content = sum(weight * losses[name] for name, weight in stage.content.items())
    if content > 4 * lowest:
        raise DivergenceError(
            f"the content loss of stage {stage.name} rose from {lowest:.4g} to {content:.4g} at "
            f"step {step}: lower its learning rate or its adversarial weight"
        )
    return min(lowest, content)


def _discriminator(stage: Stage) -> Discriminator | UNetDiscriminator:
    kind = UNetDiscriminator if stage.discriminator == "unet" else Discriminator
    return kind(stage.discriminator_channels)


def _freeze_norms(network: nn.Module) -> None:
    """Let batch norms use their running statistics, and keep them, in training too."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def _place(network: nn.Module, device: torch.device) -> None:
    network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def _adam(network: nn.Module) -> torch.optim.Optimizer:
    # Fused: ten times as fast for the discriminator's dense layer on a CPU.
    return torch.optim.Adam(network.parameters(), betas=_BETAS, fused=True)
