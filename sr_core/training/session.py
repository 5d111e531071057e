"""A whole training: its stages one after the other, to be resumed wherever it was stopped."""

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
from sr_core.models.vgg import VGGFeatures, VGGStack
from sr_core.training.data import Crops, Photographs, prefetched
from sr_core.training.journal import Journal, Record, StepRecord, ValidationRecord
from sr_core.training.settings import Stage, Training, vgg_losses
from sr_core.training.trainer import LossSums, StepResult, Trainer, check_losses
from sr_core.training.validation import HeldOut
from sr_core.training.workers import Worker, mixed_precision

_COLOUR_BATCHES = 64
"""On which the colours of a generator are centred: half a thousand crops."""


class Observer(Protocol):
    """Who is told how a training goes. Only the first worker's is called."""

    def begun(self, stage: str, step: int) -> None:
        """Take that a stage goes on after a step, or begins after step 0."""

    def recorded(self, record: Record) -> None:
        """Take a record, which stands in the journal already."""

    def sampled(self, stage: str, step: int, picture: NDArray[np.uint8]) -> None:
        """Take the picture of a validation, (H, W, 3)."""

    def saved(self, file: Path) -> None:
        """Take a file that stands now, anew or for the first time."""


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """One training, as one of its workers does it.

    The first worker writes to `folder`: state-<stage>.pt as it goes, <stage>_x<scale>.safetensors
    when a stage is done, journal.jsonl. Each is replaced as a whole, so whatever stops the training
    leaves a state to go on from; the others need no folder.
    """

    training: Training
    photographs: Photographs
    held_out: HeldOut | None
    """None on all workers but the first."""
    folder: Path
    worker: Worker
    observer: Observer
    start: Mapping[str, Tensor] | None = None
    """Of the generator that the first stage starts from; None: an interpolation."""
    vgg: Mapping[str, VGGFeatures | VGGStack] = field(default_factory=dict)
    """Feature maps by name, for all VGG losses of all stages."""
    lpips: LPIPS | None = None
    record: Mapping[str, Any] = field(default_factory=dict)
    """What the checkpoints say of the data, beside the settings."""
    stopping: Callable[[], bool] = lambda: False
    """Asked after each step whether to save the state and stop. Several workers must agree."""

    def run(self) -> None:
        """Train every stage that is not done yet.

        Raises: DivergenceError; RetryLaterError where it was asked to stop.
        """
        for index, stage in enumerate(self.training.stages):
            if not self.worker.share(self.checkpoint(stage).exists()):
                self._run_stage(index, stage)

    def checkpoint(self, stage: Stage) -> Path:
        """Return where a stage's generator stands once it is done."""
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
        if worker.rank == 0:
            self._save_generator(stage, trainer)

    def _open_trainer(self, index: int, stage: Stage, sums: LossSums) -> tuple[Trainer, float]:
        """Return the trainer as it was saved, or as the stage begins, and the lowest loss."""
        training, worker = self.training, self.worker
        # Only the first worker reads, so that the others need no folder in common with it.
        start, state = worker.share(self._read(index, stage) if worker.rank == 0 else (None, None))
        trainer = Trainer(
            stage,
            scale=training.scale,
            seed=training.seed + index,
            start=start,
            vgg={loss: self.vgg[loss] for loss in vgg_losses(stage)},
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
        """Return the generator that the stage starts from, and the state that it goes on from."""
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
        """Take the stage's steps; report, validate and save when it is time."""
        for result in trainer.train(batches):
            sums.add(result.losses)
            last = result.step == stage.steps
            if last or result.step % self.training.report_every == 0:
                lowest = self._report(stage, result, sums, lowest)
            if last:
                continue  # the generator is saved instead, and validated before
            began = time.monotonic()
            stopping = self.stopping()
            if self.worker.rank == 0 and result.step % self.training.validate_every == 0:
                self._validate(stage, trainer)
            if stopping or result.step % self.training.save_every == 0:
                self._save_state(stage, trainer, sums, lowest)
            if stopping:
                raise RetryLaterError(
                    f"stage {stage.name} is saved at step {result.step:,} of {stage.steps:,}; the "
                    "same command goes on from there"
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

    def _validate(self, stage: Stage, trainer: Trainer) -> Scores:
        assert self.held_out is not None
        scores, picture = self.held_out.validate(trainer.average, self.worker.device, self.lpips)
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

    def _save_generator(self, stage: Stage, trainer: Trainer) -> None:
        scores = self._validate(stage, trainer)
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
            save_generator(temporary, trainer.average, record, torch.float16)
        self.observer.saved(self.checkpoint(stage))


@contextmanager
def _replacing(file: Path) -> Iterator[Path]:
    """Give a temporary path whose file takes the place of `file` once it is complete."""
    temporary = file.with_name(f".{file.name}.part")
    temporary.touch()
    mode = temporary.stat().st_mode
    yield temporary
    temporary.chmod(mode)  # safetensors writes for the owner's eyes alone
    with temporary.open("rb") as written:
        os.fsync(written.fileno())
    os.replace(temporary, file)
