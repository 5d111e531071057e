"""Panels of curves for each stage of a training, built from its records."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from sr_core.metrics.metric import Metric, Values
from sr_core.metrics.registry import VALIDATED
from sr_core.training.journal import Record, StepRecord, ValidationRecord

_LOSS_TITLES = {
    "l1": "L1 loss",
    "l2": "L2 loss",
    "blotch": "Blotch loss",
    "vgg22": "VGG2,2 loss",
    "vgg54": "VGG5,4 loss",
    "perceptual": "Perceptual loss",
    "lpips": "LPIPS loss",
    "artefact": "Artefact loss",
    "grid": "Grid loss",
    "adversarial": "Adversarial loss",
    "discriminator": "Discriminator loss",
}
_APPROVALS = {"d_hr": "photographs", "d_sr": "upscaled"}
"""Recorded with the losses: the discriminator's mean probability that an image is a photograph."""
_LOG_FROM_RATIO = 10
_MOST_POINTS = 100


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One curve; values may be NaN or infinite."""

    label: str
    steps: Values
    values: Values

    @property
    def finite(self) -> Series:
        """The points with finite values."""
        where = np.isfinite(self.values)
        return Series(self.label, self.steps[where], self.values[where])

    def marks(self) -> list[tuple[int, float]]:
        """Return steps and values of the points that are not finite."""
        where = ~np.isfinite(self.values)
        pairs = zip(self.steps[where], self.values[where], strict=True)
        return [(int(step), float(value)) for step, value in pairs]

    def thinned(self) -> tuple[Values, Values, Values, Values]:
        """Return (steps, means, lows, highs) of at most 100 stretches of the finite points."""
        finite = self.finite
        count = min(_MOST_POINTS, finite.steps.size)
        steps = np.array_split(finite.steps, max(1, count))
        values = np.array_split(finite.values, max(1, count))
        if not count:
            return finite.steps, finite.values, finite.values, finite.values
        return (
            np.array([stretch[-1] for stretch in steps]),
            np.array([stretch.mean() for stretch in values]),
            np.array([stretch.min() for stretch in values]),
            np.array([stretch.max() for stretch in values]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Curves that share their axes."""

    title: str
    series: tuple[Series, ...]
    latest: str
    """The last point of each curve, as text."""
    note: str = ""
    may_be_log: bool = False

    @property
    def is_log(self) -> bool:
        """True if the values span enough to need a logarithmic axis."""
        thinned = [series.thinned() for series in self.series]
        means = np.concatenate([means for _, means, _, _ in thinned])
        lows = np.concatenate([lows for _, _, lows, _ in thinned])
        return bool(
            self.may_be_log
            and means.size
            and lows.min() > 0
            and means.max() / means.min() >= _LOG_FROM_RATIO
        )


@dataclass(frozen=True, slots=True)
class Validation:
    """A row of the table: each metric, its value, and True if it is the stage's best."""

    step: int
    cells: tuple[tuple[Metric, float | None, bool], ...]


@dataclass(frozen=True, slots=True, eq=False)
class StageView:
    """One stage as the page shows it."""

    name: str
    step: int
    """Last recorded step."""
    seconds: float
    """Time spent in the recorded steps."""
    panels: tuple[Panel, ...]
    validations: tuple[Validation, ...]
    """Latest first."""

    @property
    def best(self) -> list[tuple[Metric, float, int]]:
        """Best value of each metric and the first step that reached it."""
        best = {
            metric.name: (metric, value, row.step)
            for row in self.validations
            for metric, value, is_best in row.cells
            if is_best and value is not None
        }
        return [best[metric.name] for metric in VALIDATED if metric.name in best]


def brief(value: float, *, is_small: bool | None = None) -> str:
    """Format a number with four significant digits: 1,234, 0.02131, 6e-4.

    Args:
        value: may be NaN or infinite.
        is_small: write a power of ten; None: if the number is below a thousandth.
    """
    if is_small is None:
        is_small = abs(value) < 1e-3
    if not is_small or value == 0 or not math.isfinite(value):
        return f"{value:,.0f}" if 1e3 <= abs(value) < 1e9 else f"{value:.4g}"
    mantissa, exponent = f"{value:.3e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def view_stages(records: Iterable[Record]) -> list[StageView]:
    """Group records by stage, in the order in which the stages began."""
    stages: dict[str, list[Record]] = {}
    for record in records:
        stages.setdefault(record.stage, []).append(record)
    return [_view(name, of_stage) for name, of_stage in stages.items()]


def _view(name: str, records: Sequence[Record]) -> StageView:
    steps = [record for record in records if isinstance(record, StepRecord)]
    validations = [record for record in records if isinstance(record, ValidationRecord)]
    before = [0, *(record.step for record in steps)]
    return StageView(
        name,
        max(record.step for record in records),
        sum(
            record.seconds * (record.step - previous)
            for record, previous in zip(steps, before, strict=False)
        ),
        (*_validation_panels(validations), *_step_panels(steps)),
        _table(validations),
    )


def _step_panels(records: Sequence[StepRecord]) -> list[Panel]:
    names = list(dict.fromkeys(name for record in records for name in record.losses))
    losses = {
        name: _series(
            _APPROVALS.get(name, name),
            [(record.step, record.losses[name]) for record in records if name in record.losses],
        )
        for name in names
    }
    panels = [
        Panel(_LOSS_TITLES.get(name, name), (series,), brief(series.values[-1]), may_be_log=True)
        for name, series in losses.items()
        if name not in _APPROVALS
    ]
    if approvals := [losses[name] for name in _APPROVALS if name in losses]:
        latest = ", ".join(f"{each.values[-1]:.2f}" for each in approvals)
        note = "Mean probability of being a photograph, for photographs and upscaled images"
        panels.append(Panel("Discriminator's approval", tuple(approvals), latest, note))
    rates = _series("learning rate", [(each.step, each.learning_rate) for each in records])
    speeds = _series(
        "steps/s", [(each.step, 1 / each.seconds) for each in records if each.seconds > 0]
    )
    if rates.values.size:
        panels.append(Panel("Learning rate", (rates,), brief(rates.values[-1])))
    if speeds.values.size:
        panels.append(Panel("Speed", (speeds,), f"{brief(speeds.values[-1])} steps/s"))
    return panels


def _validation_panels(records: Sequence[ValidationRecord]) -> list[Panel]:
    panels = []
    for metric in VALIDATED:
        values = [(record.step, getattr(record, metric.name)) for record in records]
        points = [(step, value) for step, value in values if value is not None]
        if points:
            latest = f"{points[-1][1]:.{metric.digits}f} {metric.unit}".rstrip()
            series = _series(metric.label, points)
            panels.append(Panel(f"Validation {metric.label}", (series,), latest))
    return panels


def _series(label: str, points: Sequence[tuple[int, float]]) -> Series:
    steps = np.array([step for step, _ in points], np.float64)
    return Series(label, steps, np.array([value for _, value in points], np.float64))


def _table(records: Sequence[ValidationRecord]) -> tuple[Validation, ...]:
    best = {}
    for metric in VALIDATED:
        values = [getattr(record, metric.name) for record in records]
        finite = [value for value in values if value is not None and math.isfinite(value)]
        best[metric.name] = metric.best(finite) if finite else None
    rows = []
    for record in reversed(records):
        values = [getattr(record, metric.name) for metric in VALIDATED]
        cells = tuple(
            (metric, value, value is not None and value == best[metric.name])
            for metric, value in zip(VALIDATED, values, strict=True)
        )
        rows.append(Validation(record.step, cells))
    return tuple(rows)
