"""The ranking of a run's images, worst first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sr_core.metrics.metric import Metric, Values

# Median absolute deviation to standard deviation, for a normal distribution.
_MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True, slots=True)
class Ranked:
    """An image in the ranking: its index in the table, and the metric that placed it there."""

    index: int
    deviations: float
    """Distance from the median of the run, towards the bad side, in robust deviations."""
    metric: Metric | None
    """None if no metric of the image is on its bad side."""


def worst_first(
    columns: Sequence[tuple[Metric, Values]], verdicts: NDArray[np.int8], limit: int
) -> list[Ranked]:
    """Order images by their verdict and then by their worst metric, and keep the first `limit`.

    The deviation of an image is that of its worst metric, in robust standard deviations (scaled
    median absolute deviation) of the run itself. Undefined values do not count; +inf is the best
    value of a metric for which higher is better. Equal images keep the order of the table.

    Args:
        columns: metrics with their values, as many of each as there are verdicts.
        verdicts: the verdict on each image, higher is worse.
        limit: number of images to return.
    """
    judged = [(metric, values) for metric, values in columns if metric.direction != "none"]
    worst = np.zeros(verdicts.size)
    reason = np.zeros(verdicts.size, dtype=np.int8)
    for number, (metric, values) in enumerate(judged):
        deviations = _deviations(metric, values)
        further = deviations > worst
        worst[further], reason[further] = deviations[further], number
    return [
        Ranked(int(index), float(worst[index]), judged[reason[index]][0] if worst[index] else None)
        for index in np.lexsort((-worst, -verdicts))[:limit]
    ]


def _deviations(metric: Metric, values: Values) -> Values:
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return np.zeros(values.size)
    median = np.median(finite)
    spread = _MAD_TO_SIGMA * np.median(np.abs(finite - median))
    # A small difference must not look huge among equal values.
    spread = max(float(spread), metric.grain)
    signed = (median - values if metric.direction == "higher" else values - median) / spread
    return np.nan_to_num(signed, nan=0.0, posinf=np.inf, neginf=0.0)
