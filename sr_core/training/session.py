"""A whole training: its stages in order, resumable at any step."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sr_core.errors import RetryLaterError
from sr_core.evaluation.scores import Scores
from sr_core.metrics.lpips import LPIPS
from sr_core.models.checkpoint import load_generator, save_generator
from sr_core.training.data import Crops, Photographs, prefetched
from sr_core.training.journal import Journal, Record, StepRecord, ValidationRecord
from sr_core.training.loss_sums import LossSums, check_losses
from sr_core.training.settings import Stage, Training, feature_losses
from sr_core.training.steps import FeatureNetwork
from sr_core.training.trainer import StepResult, Trainer
from sr_core.training.validation import HeldOut
from sr_core.training.workers import Worker, mixed_precision

_COLOUR_BATCHES = 64
"""Batches from which a colour cast is measured: half a thousand crops."""


class Observer(Protocol):
    """Receiver of a training's progress. Only the first worker's is called."""

    def begun(self, stage: str, step: int) -> None:
        """Handle the start of a stage, resumed after a step or new after step 0."""

    def recorded(self, record: Record) -> None:
        """Handle a record that is in the journal now."""

    def sampled(self, stage: str, step: int, picture: NDArray[np.uint8]) -> None:
        """Handle the picture of a validation, (H, W, 3)."""

    def saved(self, file: Path) -> None:
        """Handle a file that was written or replaced."""


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """One worker's part of a training.

    The first worker writes to `folder`: state-<stage>.pt as it goes, <stage>_x<scale>.safetensors
    when a stage is done, journal.jsonl. Each is replaced atomically, so an interrupted training can
    always be resumed. The other workers need no folder.
    """

    training: Training
    photographs: Photographs
    held_out: HeldOut | None
    """The first worker's photographs to validate on; None on the others."""
    folder: Path
    worker: Worker
    observer: Observer
    start: Mapping[str, Tensor] | None = None
    """State of the generator that the first stage starts from; None for an interpolation."""
    features: Mapping[str, FeatureNetwork] = field(default_factory=dict)
    """Network for each loss of any stage that compares features."""
    lpips: LPIPS | None = None
    record: Mapping[str, Any] = field(default_factory=dict)
    """Description of the data for the checkpoints' headers."""
    stopping: Callable[[], bool] = lambda: False
    """Called after each step; True saves the state and stops. Workers must agree."""

    def run(self) -> None:
        """Train every unfinished stage.

        Raises: DivergenceError; RetryLaterError if `stopping` returned True.
        """
        for index, stage in enumerate(self.training.stages):
            if not self.worker.share(self.checkpoint(stage).exists()):
                self._run_stage(index, stage)

    def checkpoint(self, stage: Stage) -> Path:
        """Return the file of a finished stage's generator."""
        return self.folder / f"{stage.name}_x{self.training.scale}.safetensors"

    def _run_stage(self, index: int, stage: Stage) -> None:
        sums, worker = LossSums(), self.worker
        trainer, lowest = self._open_trainer(index, stage, sums)
        crops = Crops(
            self.photographs,
            scale=self.training.scale,
            crop_px=stage.crop_px,
            richest_of=stage.richest_of,
            degradation=self.training.degradation,
            seed=self.training.seed + index,
            memory_budget_bytes=self.training.memory_budget_mb << 20,
        )
        batches = prefetched(
            crops, trainer.step, stage.steps, stage.batch_size, worker.rank, worker.world
        )
        with crops, closing(batches):
            self._drive(stage, trainer, batches, sums, lowest)
            if worker.rank == 0 and stage.adversarial > 0:
                unseen = range(stage.steps, stage.steps + _COLOUR_BATCHES)
                trainer.remove_colour_cast(crops.batch(step, stage.batch_size) for step in unseen)
        if self.held_out is not None:
            self._save_generator(stage, trainer, self.held_out)

    def _open_trainer(self, index: int, stage: Stage, sums: LossSums) -> tuple[Trainer, float]:
        """Return the trainer, resumed or new, and the lowest content loss so far."""
        training, worker = self.training, self.worker
        # Only the first worker reads, so that the others need no folder in common with it.
        start, state = worker.share(self._read(index, stage) if worker.rank == 0 else (None, None))
        trainer = Trainer(
            stage,
            scale=training.scale,
            seed=training.seed + index,
            start=start,
            features={loss: self.features[loss] for loss in feature_losses(stage)},
            worker=worker,
            autocast_dtype=mixed_precision(training.precision, worker.device),
            compiled=training.compile,
        )
        if state is not None:
            trainer.load_state(state["trainer"])
            sums.load_state(state["sums"], worker.device)
        if worker.rank == 0:
            Journal(self.folder).rewind(stage.name, trainer.step)
            self.observer.begun(stage.name, trainer.step)
        return trainer, math.inf if state is None else state["lowest"]

    def _read(
        self, index: int, stage: Stage
    ) -> tuple[Mapping[str, Tensor] | None, dict[str, Any] | None]:
        """Return the generator that the stage starts from, and its saved state if any."""
        state = None
        if self._state_file(stage).exists():
            state = torch.load(self._state_file(stage), weights_only=True, map_location="cpu")
        if index == 0:
            return self.start, state
        generator, _ = load_generator(self.checkpoint(self.training.stages[index - 1]))
        return generator.state_dict(), state

    def _drive(
        self,
        stage: Stage,
        trainer: Trainer,
        batches: Iterator[tuple[Tensor, Tensor]],
        sums: LossSums,
        lowest: float,
    ) -> None:
        """Take the stage's steps; report, validate and save at their intervals."""
        for result in trainer.train(batches):
            sums.add(result.losses)
            last = result.step == stage.steps
            if last or result.step % self.training.report_every == 0:
                lowest = self._report(stage, result, sums, lowest)
            if last:
                continue  # the caller validates and saves the generator instead
            began = time.monotonic()
            stopping = self.stopping()
            if self.held_out is not None and result.step % self.training.validate_every == 0:
                self._validate(stage, trainer, self.held_out)
            if stopping or result.step % self.training.save_every == 0:
                self._save_state(stage, trainer, sums, lowest)
            if stopping:
                raise RetryLaterError(
                    f"stage {stage.name} is saved at step {result.step:,} of {stage.steps:,}; the "
                    "same command resumes it"
                )
            sums.leave_out(time.monotonic() - began)

    def _report(self, stage: Stage, result: StepResult, sums: LossSums, lowest: float) -> float:
        losses, seconds = sums.take(self.worker)
        self._record(StepRecord(stage.name, result.step, seconds, result.learning_rate, losses))
        return check_losses(stage, result.step, losses, lowest)

    def _record(self, record: Record) -> None:
        if self.worker.rank == 0:
            Journal(self.folder).append(record)
            self.observer.recorded(record)

    def _validate(self, stage: Stage, trainer: Trainer, held_out: HeldOut) -> Scores:
        scores, picture = held_out.validate(trainer.average, self.worker.device, self.lpips)
        self._record(ValidationRecord(stage.name, trainer.step, **asdict(scores)))
        self.observer.sampled(stage.name, trainer.step, picture)
        return scores

    def _state_file(self, stage: Stage) -> Path:
        return self.folder / f"state-{stage.name}.pt"

    def _save_state(self, stage: Stage, trainer: Trainer, sums: LossSums, lowest: float) -> None:
        reported = sums.state(self.worker)
        if self.worker.rank > 0:
            return
        with _replacing(self._state_file(stage)) as temporary:
            state = {"trainer": trainer.state(), "sums": reported, "lowest": lowest}
            torch.save(state, temporary)
        self.observer.saved(self._state_file(stage))

    def _save_generator(self, stage: Stage, trainer: Trainer, held_out: HeldOut) -> None:
        scores = self._validate(stage, trainer, held_out)
        settings = {key: value for key, value in asdict(self.training).items() if key != "stages"}
        record = {
            "stage": asdict(stage),
            "training": settings,
            "workers": self.worker.world,
            "validation": asdict(scores),
            "source": "arXiv 1609.04802",
            **self.record,
        }
        with _replacing(self.checkpoint(stage)) as temporary:
            save_generator(
                temporary,
                trainer.average,
                record,
                torch.float16,
                name=stage.name,
                licence=self.training.licence,
            )
        self.observer.saved(self.checkpoint(stage))


@contextmanager
def _replacing(file: Path) -> Iterator[Path]:
    """Yield a temporary path whose file atomically replaces `file` at the end."""
    temporary = file.with_name(f".{file.name}.part")
    temporary.touch()
    mode = temporary.stat().st_mode
    yield temporary
    temporary.chmod(mode)  # safetensors writes files that only the owner can read
    with temporary.open("rb") as written:
        os.fsync(written.fileno())
    os.replace(temporary, file)
