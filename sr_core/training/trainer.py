"""The SRResNet stage: steps, schedule, moving average, resumable checkpoints."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sr_core.models.generator import Generator, initialise_as_interpolator
from sr_core.training.data import CropPool

_LOSSES = {"l1": nn.functional.l1_loss, "l2": nn.functional.mse_loss}


@dataclass(frozen=True, slots=True)
class Schedule:
    """How one stage is trained. Lengths are in steps."""

    steps: int
    batch_size: int = 16
    learning_rate: float = 6e-4
    warmup: int = 50
    decay_share: float = 0.4
    ema_decay: float = 0.999
    loss: str = "l1"
    seed: int = 0

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of a step: linear warm-up, plateau, linear decay to zero."""
        decay_start = self.steps * (1 - self.decay_share)
        rise = min(1.0, (step + 1) / self.warmup)
        fall = min(1.0, (self.steps - step) / max(1.0, self.steps - decay_start))
        return self.learning_rate * rise * fall


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one step reports: its number from 1, its loss and its learning rate."""

    step: int
    loss: float
    learning_rate: float


class SRResNetTrainer:
    """Train a generator on pixel loss from the interpolating start.

    Source: arXiv 1609.04802, section 3.2, with the deviations that `Schedule` shows: another
    learning rate, schedule, loss (L1 by default) and start, and a moving average of the weights.
    """

    def __init__(self, schedule: Schedule, scale: int = 4, *, compiled: bool = False) -> None:
        torch.manual_seed(schedule.seed)
        self.schedule = schedule
        self.step = 0
        self.generator = Generator(scale)
        initialise_as_interpolator(self.generator)
        self.generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        self.optimizer = torch.optim.Adam(self.generator.parameters(), betas=(0.9, 0.99))
        self._forward = torch.compile(self.generator) if compiled else self.generator

    def train(self, pool: CropPool) -> Iterator[StepResult]:
        """Run the remaining steps, yielding after each.

        Raises: FloatingPointError if the loss stops being finite; the last checkpoint stands.
        """
        schedule = self.schedule
        loss_function = _LOSSES[schedule.loss]
        while self.step < schedule.steps:
            lr, hr = pool.batch(schedule.batch_size, schedule.seed, self.step)
            learning_rate = schedule.learning_rate_at(self.step)
            for group in self.optimizer.param_groups:
                group["lr"] = learning_rate
            self.generator.train()
            loss = loss_function(self._forward(lr), hr)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(self.generator.parameters(), 1.0)
            self.optimizer.step()
            self.step += 1
            self._update_average()
            value = float(loss.detach())
            if not math.isfinite(value):
                raise FloatingPointError(f"the loss is {value} at step {self.step}")
            yield StepResult(self.step, value, learning_rate)

    @torch.no_grad()
    def _update_average(self) -> None:
        # A short memory at the start, or the average would drag the first weights along.
        decay = min(self.schedule.ema_decay, (1 + self.step) / (10 + self.step))
        source = self.generator.state_dict()
        for name, mean in self.average.state_dict().items():
            if mean.is_floating_point():
                mean.lerp_(source[name], 1 - decay)
            else:
                mean.copy_(source[name])

    def save(self, path: Path) -> None:
        """Write everything a resumed training needs, atomically."""
        state: dict[str, Any] = {
            "schedule": asdict(self.schedule),
            "step": self.step,
            "generator": self.generator.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        temporary = path.with_suffix(".part")
        torch.save(state, temporary)
        os.replace(temporary, path)

    def load(self, path: Path) -> None:
        """Continue from a file that `save` wrote."""
        state = torch.load(path, weights_only=True)
        self.step = int(state["step"])
        self.generator.load_state_dict(state["generator"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
