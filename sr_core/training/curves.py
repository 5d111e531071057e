"""Progress of a training: an HTML page with its curves, and TensorBoard event files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from sr_core.training.charts import FRAME, chart
from sr_core.training.journal import Record, StepRecord, replace_file
from sr_core.training.panels import StageView, view_stages
from sr_core.training.plot import plot

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

_LOST_WITHOUT = {
    "matplotlib": "the curves are not written as a picture, curves.png",
    "tensorboard": "no event files are written for TensorBoard",
}


def write_page(
    folder: Path,
    records: Iterable[Record],
    samples: Sequence[Path],
    title: str,
    settings: Mapping[str, object],
) -> None:
    """Write index.html and curves.png into a training's folder, replacing earlier ones.

    The page draws its curves as inline SVG and loads nothing but the samples. Without matplotlib,
    curves.png is left out and the page says so.

    Args:
        folder: the training's folder.
        records: the records to show; values that are not finite raise an alarm on the page.
        samples: image files to show, preferably inside the folder: links are relative to it.
        title: heading of the page.
        settings: settings to list; mappings and lists of mappings may be nested.
    """
    stages = view_stages(records)
    has_picture = any(stage.panels for stage in stages) and find_spec("matplotlib") is not None
    if has_picture:
        replace_file(folder / "curves.png", plot([stage for stage in stages if stage.panels]))
    page = _render(
        title=title,
        stages=[
            (stage, [chart(panel, stage.step) for panel in stage.panels])
            for stage in reversed(stages)
        ],
        alarms=_alarms(stages),
        samples=[_sample(folder, path) for path in samples],
        settings=_flattened(settings),
        has_picture=has_picture,
        missing={name: lost for name, lost in _LOST_WITHOUT.items() if find_spec(name) is None},
        made_at=f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
        frame=FRAME,
    )
    replace_file(folder / "index.html", page)


def _render(**values: object) -> bytes:
    # Machines that only train may lack jinja2.
    from sr_core.page.render import Pages  # noqa: PLC0415

    # Some browsers do not extend 'self' to the files next to a local page, so file: is listed too.
    pages = Pages("sr_core.training", style="training.css", images="'self' file:")
    return pages.render("training.html.j2", clock=_clock, **values)


def _clock(seconds: float) -> timedelta:
    return timedelta(seconds=round(seconds))


def _alarms(stages: Sequence[StageView]) -> list[str]:
    """Return a line for each curve with values that are not finite, the latest stage first."""
    return [
        f"{stage.name}: {series.label} is {marks[0][1]} at step {marks[0][0]:,}"
        + (f" and {len(marks) - 1:,} more times" if len(marks) > 1 else "")
        for stage in reversed(stages)
        for panel in stage.panels
        for series in panel.series
        if (marks := series.marks())
    ]


def _sample(folder: Path, path: Path) -> tuple[str, str]:
    """Return the URL relative to the folder, and a caption."""
    return quote(os.fsencode(os.path.relpath(path, folder))), path.stem


def _flattened(settings: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    """Flatten nested settings to dotted names; items of a list are called by their name."""
    lines: list[tuple[str, str]] = []
    for name, value in settings.items():
        if isinstance(value, Mapping):
            lines += _flattened(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple) and value and isinstance(value[0], Mapping):
            for number, each in enumerate(value):
                lines += _flattened(each, f"{prefix}{name}.{each.get('name', number)}.")
        else:
            lines.append((f"{prefix}{name}", str(value)))
    return lines


class EventWriter:
    """TensorBoard event files in folder/tensorboard, one run per stage.

    A resumed training repeats steps that a killed one has written already. TensorBoard hides
    earlier events from the first step of a stage that this writer is given. Nothing is written if
    tensorboard is not installed; `write_page` says so.
    """

    def __init__(self, folder: Path) -> None:
        """Use the folder of a new or resumed training; files appear with the first values."""
        self._folder = folder / "tensorboard"
        self._writers: dict[str, SummaryWriter] = {}
        self._is_installed = find_spec("tensorboard") is not None

    def append(self, record: Record) -> None:
        """Write the values of a record."""
        if not self._is_installed:
            return
        writer = self._writer(record.stage, record.step)
        for tag, value in _scalars(record).items():
            writer.add_scalar(tag, value, record.step)
        writer.flush()

    def sample(self, stage: str, step: int, pixels: NDArray[np.uint8]) -> None:
        """Write an image, (H, W, 1|3) uint8."""
        if not self._is_installed:
            return
        writer = self._writer(stage, step)
        writer.add_image("sample", pixels, step, dataformats="HWC")
        writer.flush()

    def close(self) -> None:
        """Close all files."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def _writer(self, stage: str, step: int) -> SummaryWriter:
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - of the extra `train`

        if stage not in self._writers:
            self._writers[stage] = SummaryWriter(self._folder / stage, purge_step=step)
        return self._writers[stage]


def _scalars(record: Record) -> dict[str, float]:
    if isinstance(record, StepRecord):
        values = {f"loss/{name}": value for name, value in record.losses.items()}
        values["learning_rate"] = record.learning_rate
        if record.seconds > 0:
            values["steps_per_second"] = 1 / record.seconds
        return values
    values = {"validation/psnr_y_db": record.psnr_y_db, "validation/ssim_y": record.ssim_y}
    if record.lpips_alex is not None:
        values["validation/lpips_alex"] = record.lpips_alex
    return values
