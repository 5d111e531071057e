"""Geometry of a chart: the curves, ticks and marks of a panel in SVG coordinates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from sr_core.metrics.metric import Values
from sr_core.training.panels import Panel, Series, brief

_MOST_DOTS = 40
"""Curves with more points are drawn without dots."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Size of a chart and the edges of its plot area; labels are drawn outside it."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int


FRAME = Frame(width=360, height=190, left=48, right=338, top=8, bottom=166)


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a chart, linear or logarithmic."""

    low: float
    high: float
    is_log: bool = False

    def at(self, value: float) -> float:
        """Return the position of a value: 0 at the low end, 1 at the high end."""
        if self.is_log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        """Return two to seven round values within the axis."""
        if self.is_log:
            ends = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
            decades = [10.0**power for power in range(*ends)] + [10.0 ** ends[1]]
            fine = [decade * part for decade in decades for part in (1, 2, 5)]
            inside = [tick for tick in fine if self.low <= tick <= self.high]
            if len(inside) <= 7:
                return inside
            inside = [tick for tick in decades if self.low <= tick <= self.high]
            return inside[:: math.ceil(len(inside) / 7)]
        rough = (self.high - self.low) / 5
        decade = 10.0 ** math.floor(math.log10(rough))
        step = decade * next(part for part in (1, 2, 2.5, 5, 10) if part * decade >= rough * 0.999)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


@dataclass(frozen=True, slots=True)
class Curve:
    """One series in the chart's coordinates."""

    label: str
    line: str
    band: str
    """Outline from the lowest to the highest value of each stretch; empty if each has one value."""
    dots: tuple[tuple[float, float, str], ...]
    """x, y and tooltip of each point."""
    is_dotted: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """A panel in the coordinates of FRAME."""

    panel: Panel
    curves: tuple[Curve, ...]
    marks: tuple[tuple[float, str], ...]
    """x and tooltip of values that are not finite."""
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]


def chart(panel: Panel, last_step: int) -> Chart:
    """Lay out a panel over steps 0 to `last_step`."""
    x_axis = Axis(0, max(1, last_step))
    thinned = [(series, *series.thinned()) for series in panel.series]
    y_axis = _y_axis(panel, [means for _, _, means, _, _ in thinned])
    y_ticks = y_axis.ticks()
    is_small = max(map(abs, y_ticks)) <= 1e-3
    marks = {
        _x(x_axis, step): f"step {step:,}: {value}"
        for series in panel.series
        for step, value in series.marks()
    }
    return Chart(
        panel,
        tuple(_curve(*each, x_axis, y_axis) for each in thinned),
        tuple(marks.items()),
        tuple((_x(x_axis, tick), brief(tick)) for tick in x_axis.ticks()),
        tuple((_y(y_axis, tick), brief(tick, is_small=is_small)) for tick in y_ticks),
    )


def _y_axis(panel: Panel, means: Sequence[Values]) -> Axis:
    """Return an axis that spans the means, so that one outlier does not flatten the curve."""
    values = np.concatenate(means)
    if not values.size:
        return Axis(0, 1)
    low, high = float(values.min()), float(values.max())
    if panel.is_log:
        margin = (high / low) ** 0.06
        return Axis(low / margin, high * margin, is_log=True)
    margin = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    lowest = low - margin
    return Axis(0.0 if lowest < 0 <= low else lowest, high + margin)


def _curve(
    series: Series, steps: Values, means: Values, lows: Values, highs: Values, x: Axis, y: Axis
) -> Curve:
    xs = [_x(x, step) for step in steps]
    ys = [_y(y, mean) for mean in means]
    upper = list(zip(xs, (_y(y, high) for high in highs), strict=True))
    lower = list(zip(xs, (_y(y, low) for low in lows), strict=True))
    is_thinned = series.finite.steps.size > steps.size
    return Curve(
        series.label,
        _points(zip(xs, ys, strict=True)),
        _points([*upper, *reversed(lower)]) if is_thinned else "",
        tuple(
            (left, top, f"step {step:,.0f}: {brief(mean)}")
            for left, top, step, mean in zip(xs, ys, steps, means, strict=True)
        ),
        is_dotted=steps.size <= _MOST_DOTS,
    )


def _points(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)


def _x(axis: Axis, step: float) -> float:
    return round(FRAME.left + (FRAME.right - FRAME.left) * axis.at(step), 1)


def _y(axis: Axis, value: float) -> float:
    """Return the y coordinate of a value, clamped to the plot area."""
    share = min(1.0, max(0.0, axis.at(value)))
    return round(FRAME.bottom - (FRAME.bottom - FRAME.top) * share, 1)
