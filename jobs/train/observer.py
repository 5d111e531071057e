"""Progress of a training: lines on the terminal, TensorBoard events, the page, samples."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from jobs.durations import duration
from jobs.terminal import Terminal
from jobs.train.folder import TrainingFolder
from sr_core.errors import SrfleetError
from sr_core.imaging.codecs import Metadata, Page, Picture, encode
from sr_core.training.curves import EventWriter, write_page
from sr_core.training.journal import Journal, Record, StepRecord
from sr_core.training.settings import Training

_JOURNAL = "journal.jsonl"
_LINE_EVERY_S = 20.0
_SAMPLES_SHOWN = 3


class TrainingObserver:
    """Observer that prints progress and writes page, samples and events; a context manager.

    On S3, page and samples are uploaded at each validation, TensorBoard's files at the end.
    """

    def __init__(self, folder: TrainingFolder, training: Training, terminal: Terminal) -> None:
        self._folder, self._training, self._terminal = folder, training, terminal
        self._steps = {stage.name: stage.steps for stage in training.stages}
        self._events = EventWriter(folder.path)
        self._printed_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._events.close()
        if not (self._folder.path / _JOURNAL).exists():
            return
        if kind is None or issubclass(
            kind, SrfleetError
        ):  # a divergence should show on the page too
            self._show()
            for file in (self._folder.path / "tensorboard").rglob("*"):
                if file.is_file():
                    self._folder.publish(file)

    def begun(self, stage: str, step: int) -> None:
        """Print the start of a stage, and publish the journal."""
        self._folder.publish(self._folder.path / _JOURNAL)
        steps = f"{self._steps[stage]:,}"
        where = f"resumes after step {step:,} of {steps}" if step else f"begins: {steps} steps"
        self._print(f"{stage} {where}")

    def recorded(self, record: Record) -> None:
        """Write events; print every validation, and steps now and then."""
        self._events.append(record)
        now = time.monotonic()
        if isinstance(record, StepRecord):
            if now - self._printed_at < _LINE_EVERY_S:
                return
            self._printed_at = now
        self._print(self._line(record))

    def sampled(self, stage: str, step: int, picture: NDArray[np.uint8]) -> None:
        """Write the picture and update the page."""
        self._events.sample(stage, step, picture)
        metadata = Metadata(exif=None, xmp=None, icc=None, dpi=None)
        file = self._folder.path / "samples" / f"{stage}-{step:07d}.png"
        file.parent.mkdir(exist_ok=True)
        page = Page(picture, None)
        file.write_bytes(encode(Picture((page,), metadata, "PNG", "RGB", 8, 1, ()), "png", 100))
        self._folder.publish(file)
        self._show()

    def saved(self, file: Path) -> None:
        """Publish a file of the training, after the records up to it."""
        for each in (self._folder.path / _JOURNAL, file):
            if each.exists():
                self._folder.publish(each)

    def _show(self) -> None:
        """Write the page with the latest samples, and publish it."""
        folder = self._folder.path
        samples = sorted(folder.glob("samples/*"), key=lambda file: file.stat().st_mtime)
        settings = asdict(self._training)
        write_page(
            folder, Journal(folder).records(), samples[-_SAMPLES_SHOWN:], "Training", settings
        )
        for name in (_JOURNAL, "curves.png", "index.html"):
            if (folder / name).exists():
                self._folder.publish(folder / name)

    def _line(self, record: Record) -> str:
        where = f"{record.stage} {record.step:,} of {self._steps[record.stage]:,}"
        if isinstance(record, StepRecord):
            losses = ", ".join(f"{name} {value:.4g}" for name, value in record.losses.items())
            left = (self._steps[record.stage] - record.step) * record.seconds
            return f"{where}: {losses}; {record.seconds:.2f} s a step, {duration(left)} left"
        lpips = "" if record.lpips_alex is None else f", LPIPS {record.lpips_alex:.4f}"
        scores = f"PSNR-Y {record.psnr_y_db:.2f} dB, SSIM {record.ssim_y:.4f}{lpips}"
        return f"{where}: held-out {scores}"

    def _print(self, line: str) -> None:
        self._terminal.say(line)
