"""Work of one worker of a training, the only one or one of many on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa
import torch
from torch import Tensor

from jobs.terminal import Terminal
from jobs.train.folder import TrainingFolder
from jobs.train.observer import TrainingObserver
from jobs.train.photographs import LeftOut, SourcePhotographs
from sr_core.archive.storage import Store
from sr_core.errors import ConfigurationError
from sr_core.metrics.lpips import LPIPS
from sr_core.training.session import Session
from sr_core.training.settings import Training
from sr_core.training.steps import FeatureNetwork
from sr_core.training.validation import HeldOut
from sr_core.training.workers import Worker


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """Photographs in the form that is sent to workers, so that all of them see the same ones."""

    store: Store
    rows: pa.Table

    @classmethod
    def of(cls, photographs: SourcePhotographs) -> Listing:
        """Return the listing of opened photographs."""
        return cls(photographs.store, photographs.rows)

    def open(self, terminal: Terminal) -> SourcePhotographs:
        """Return the photographs; unreadable ones are reported on the terminal."""
        return SourcePhotographs(self.store, self.rows, LeftOut(terminal))


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """A training and its weights, but not its photographs or OUT's files.

    It is sent to the workers, so only the machine of the command needs the weight files.
    """

    training: Training
    output: str
    photographs: Listing
    held_out: Listing
    start: Mapping[str, Tensor] | None = None
    features: Mapping[str, FeatureNetwork] | None = None
    lpips: LPIPS | None = None

    def work(
        self, worker: Worker, terminal: Terminal, stopping: Callable[[], bool] = lambda: False
    ) -> None:
        """Do one worker's part to the end, resuming what OUT holds.

        Raises: DivergenceError; ConfigurationError; RetryLaterError.
        """
        training, first = self.training, worker.rank == 0
        with (
            TrainingFolder(self.output, writes=first) as folder,
            TrainingObserver(folder, training, terminal) as observer,
        ):
            session = Session(
                training=training,
                photographs=self.photographs.open(terminal),
                held_out=self._held_out(terminal) if first else None,
                folder=folder.path,
                worker=worker,
                observer=observer,
                start=self.start,
                features=self.features or {},
                lpips=self.lpips.to(worker.device) if self.lpips and first else None,
                record={
                    "photographs": len(self.photographs.rows),
                    "held_out": len(self.held_out.rows),
                },
                stopping=stopping,
            )
            try:
                session.run()
            except torch.OutOfMemoryError as error:
                raise ConfigurationError(
                    f"the memory of {worker.device} is too small: lower the batch_size or crop_px "
                    f"of the stages, or share the batch between more --workers ({error})"
                ) from error

    def _held_out(self, terminal: Terminal) -> HeldOut:
        training = self.training
        return HeldOut.of(self.held_out.open(terminal), training.scale, training.degradation)
