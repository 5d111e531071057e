"""Which images of a run to look at first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sr_core.metrics.metric import Metric, Values

# Makes the median absolute deviation of normal values their standard deviation.
_MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True, slots=True)
class Ranked:
    """One image's place: its index in the table, and the metric that put it there."""

    index: int
    deviations: float
    """How far that metric lies on its bad side of the run's median, in robust deviations."""
    metric: Metric | None
    """None: the image has no metric, or none on the bad side."""


def worst_first(columns: Sequence[tuple[Metric, Values]], count: int, limit: int) -> list[Ranked]:
    """Order images by the metric in which each is worst, and keep the first `limit`.

    An image counts as far out as the worst of its metrics, in robust standard deviations (scaled
    median absolute deviation) of the run itself. Undefined values do not count, +inf is the best of
    a metric that should be high. Equal images keep the order of the table.

    Args:
        columns: metrics with their values, `count` of each.
        count: how many images there are.
        limit: how many are wanted.
    """
    judged = [(metric, values) for metric, values in columns if metric.direction != "none"]
    worst = np.zeros(count)
    reason = np.zeros(count, dtype=np.int8)
    for number, (metric, values) in enumerate(judged):
        deviations = _deviations(metric, values)
        further = deviations > worst
        worst[further], reason[further] = deviations[further], number
    return [
        Ranked(int(index), float(worst[index]), judged[reason[index]][0] if worst[index] else None)
        for index in _largest(worst, limit)
    ]


def _deviations(metric: Metric, values: Values) -> Values:
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return np.zeros(values.size)
    median = np.median(finite)
    spread = _MAD_TO_SIGMA * np.median(np.abs(finite - median))
    # An equal crowd must not make one small difference huge.
    spread = max(float(spread), metric.grain)
    signed = (median - values if metric.direction == "higher" else values - median) / spread
    return np.nan_to_num(signed, nan=0.0, posinf=np.inf, neginf=0.0)


def _largest(scores: Values, limit: int) -> NDArray[np.intp]:
    """Select before sorting: the table may have millions of rows."""
    chosen = np.arange(scores.size)
    if limit < scores.size:
        bound = np.partition(scores, scores.size - limit - 1)[scores.size - limit - 1 :].min()
        above, level = np.flatnonzero(scores > bound), np.flatnonzero(scores == bound)
        chosen = np.sort(np.concatenate((above[:limit], level[: max(0, limit - above.size)])))
    return chosen[np.argsort(-scores[chosen], kind="stable")]
