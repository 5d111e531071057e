"""Limits from known-good windows, and the share of faults beyond them, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from benchmarks.faults.pictures import is_measuring
from benchmarks.faults.planted import HARD, SEVERE
from benchmarks.faults.values import CLEAN, Values
from benchmarks.section import table
from sr_core.audit.verdicts.baselines import stretched
from sr_core.metrics.registry import METRICS

FALSE_ALARMS = 0.005
"""Share of known-good windows that may be beyond any of the limits."""
CONFIDENCE = 0.95
TOO_FAITHFUL = frozenset({"colour_drift_delta_e", "cast_levels", "grid_levels"})
"""Measures whose lower side tells interpolation from a network."""
_QUANTILE = 0.995
_STRETCHES = np.arange(0.5, 4.01, 0.02)


@dataclass(frozen=True, slots=True)
class Limit:
    """Values of a measure below or above which it raises an alarm."""

    below: float
    above: float


def interval(found: int, of: int) -> tuple[float, float]:
    """Return the exact bounds of a share at 95 % confidence.

    Source: C. J. Clopper and E. S. Pearson, 1934.
    """
    tail = (1 - CONFIDENCE) / 2
    low = beta.ppf(tail, found, of - found + 1) if found else 0.0
    high = beta.ppf(1 - tail, found + 1, of - found) if found < of else 1.0
    return float(low), float(high)


def limits(clean: Sequence[Values], stretch: float) -> dict[str, Limit]:
    """Return the limits of all measures: quantiles, their distances from the median stretched.

    Of TOO_FAITHFUL both sides are judged: an output that is closer to its source than the
    model's ever are was not made by the model.
    """
    found = {}
    for metric in METRICS:
        name = metric.name
        values = np.array([each.measures[name] for each in clean if name in each.measures])
        if not len(values):
            continue
        low, median, high = np.quantile(values, (1 - _QUANTILE, 0.5, _QUANTILE))
        below, above = (stretched(metric, median, each, stretch) for each in (low, high))
        if metric.direction == "lower" and name not in TOO_FAITHFUL:
            below = -np.inf
        found[name] = Limit(below, np.inf if metric.direction == "higher" else above)
    return found


def alarms(values: Values, beyond: Mapping[str, Limit]) -> list[str]:
    """Return the measures that are beyond their limits."""
    return [
        name
        for name, value in values.measures.items()
        if name in beyond and not beyond[name].below <= value <= beyond[name].above
    ]


def fitted_limits(clean: Sequence[Values]) -> tuple[dict[str, Limit], float]:
    """Return the tightest limits that keep the promise on false alarms, and their stretch."""
    for stretch in _STRETCHES:
        found = limits(clean, float(stretch))
        if sum(bool(alarms(each, found)) for each in clean) <= FALSE_ALARMS * len(clean):
            return found, float(stretch)
    raise ValueError("no stretch keeps the promise on false alarms")


def report(model: str, values: Sequence[Values]) -> str:
    """Return the limits and the shares found of one model."""
    clean = [each for each in values if each.fault == CLEAN]
    setting = [each for each in clean if not is_measuring(each.photograph)]
    measuring = [each for each in clean if is_measuring(each.photograph)]
    beyond, stretch = fitted_limits(setting)
    found = [alarms(each, beyond) for each in measuring]
    false = share(sum(map(bool, found)), len(found))
    rows = [_row(name, values, beyond) for name in (*SEVERE, *HARD)]
    return (
        f"### {model}\n\n{len(setting)} windows set the limits (stretch {stretch:.2f}), "
        f"{len(measuring)} others measure. False alarms: {false}"
        f"{_most(found)}.\n\n"
        + table(["fault", "planted", "found", "by which measure alone, share"], rows)
    )


def share(found: int, of: int) -> str:
    """Return a share in percent with its exact bounds."""
    if not of:
        return "-"
    low, high = interval(found, of)
    return f"{100 * found / of:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def _row(fault: str, values: Iterable[Values], beyond: Mapping[str, Limit]) -> list[str]:
    found = [alarms(each, beyond) for each in values if each.fault == fault]
    title = f"**{fault}**" if fault in SEVERE else fault
    return [title, str(len(found)), share(sum(map(bool, found)), len(found)), _most(found)[2:]]


def _most(found: Sequence[Sequence[str]]) -> str:
    """Name the three measures with the most alarms."""
    counts = {name: sum(name in each for each in found) for name in {n for e in found for n in e}}
    most = sorted(counts, key=lambda name: -counts[name])[:3]
    return "; " + ", ".join(f"`{name}` {100 * counts[name] / len(found):.0f} %" for name in most)
