"""The distribution of a metric over a run, ready for drawing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sr_core.metrics.metric import Metric, Values

MOST_BINS = 30
# From this many images on, the axis leaves out half a percent at each end, so that an outlier does
# not squeeze everything else into a single bar; the outer bars include the values beyond.
_TRIMMED_FROM = 400


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: the range of its values, their number, and its height in [0, 1]."""

    low: float
    high: float
    count: int
    height: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """The distribution of a metric; percentiles are those of the finite values."""

    metric: Metric
    bars: tuple[Bar, ...]
    count: int
    infinite: int
    low: float
    high: float
    """Ends of the axis."""
    p5: float
    median: float
    p95: float
    median_at: float
    """Position of the median on the axis, in [0, 1]."""


def histogram(metric: Metric, values: Values) -> Histogram | None:
    """Count values in bars of equal width; None if no value is finite."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return None
    p5, median, p95 = np.percentile(finite, (5, 50, 95))
    bins = int(min(MOST_BINS, max(10, 2 * np.cbrt(finite.size))))  # Rice's rule
    low, high = _axis(finite, bins * 10.0**-metric.digits)
    counts, edges = np.histogram(finite.clip(low, high), bins, range=(low, high))
    bars = tuple(
        Bar(float(left), float(right), int(count), float(count / counts.max()))
        for left, right, count in zip(edges[:-1], edges[1:], counts, strict=True)
    )
    return Histogram(
        metric,
        bars,
        count=int(finite.size),
        infinite=int(np.isposinf(values).sum()),
        low=low,
        high=high,
        p5=float(p5),
        median=float(median),
        p95=float(p95),
        median_at=float(np.clip((median - low) / (high - low), 0, 1)),
    )


def _axis(finite: Values, least_width: float) -> tuple[float, float]:
    ends = (0.5, 99.5) if finite.size >= _TRIMMED_FROM else (0, 100)
    low, high = (float(end) for end in np.percentile(finite, ends))
    half_width = max(high - low, least_width) / 2  # no bar is narrower than a printed digit
    middle = (low + high) / 2
    return middle - half_width, middle + half_width
