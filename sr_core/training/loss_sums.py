"""Mean losses between two reports, and the check that they do not run away."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from sr_core.errors import SrfleetError
from sr_core.training.settings import Stage
from sr_core.training.workers import Worker


class DivergenceError(SrfleetError):
    """A loss is not finite or ran away; the last saved state is intact."""


class LossSums:
    """Sums of the losses since the last report, kept on the device until then."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._steps = 0
        self._timed_steps, self._start = 0, time.monotonic()

    def add(self, losses: Mapping[str, Tensor]) -> None:
        """Add the losses of a step."""
        for name, loss in losses.items():
            self._sums[name] = self._sums[name] + loss if self._steps else loss
        self._steps += 1
        self._timed_steps += 1

    def leave_out(self, seconds: float) -> None:
        """Exclude time spent between steps, as in a validation, from the seconds per step."""
        self._start += seconds

    def take(self, worker: Worker) -> tuple[dict[str, float], float]:
        """Return the mean losses over all workers and the seconds per step, and reset."""
        losses = worker.mean({name: total / self._steps for name, total in self._sums.items()})
        seconds = (time.monotonic() - self._start) / max(1, self._timed_steps)
        self._clear()
        return losses, seconds

    def state(self, worker: Worker) -> dict[str, Any]:
        """Return the state for `load_state`; all workers must call it."""
        sums = worker.mean(self._sums) if self._sums else {}
        return {"steps": self._steps, "sums": sums}

    def load_state(self, state: Mapping[str, Any], device: torch.device) -> None:
        """Restore what `state` returned."""
        self._clear()
        self._steps = int(state["steps"])
        self._sums = {
            name: torch.tensor(total, device=device) for name, total in state["sums"].items()
        }


def check_losses(stage: Stage, step: int, losses: Mapping[str, float], lowest: float) -> float:
    """Return the lowest weighted content loss so far, given the mean losses up to a step.

    Raises: DivergenceError if a loss is not finite, or the content loss exceeds four times its
        lowest.
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
