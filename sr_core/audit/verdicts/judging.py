"""Judging: the rules applied to the rows of a run."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sr_core.audit.values import columns_of, values_of
from sr_core.audit.verdicts.baselines import Baseline
from sr_core.audit.verdicts.rules import Quantile, Rule, Rules, Verdict
from sr_core.metrics.metric import Metric, Values
from sr_core.records import Status

NOT_UPSCALED = "not_upscaled"
NOT_MEASURED = "not_measured"
_BUILT_IN = {
    NOT_UPSCALED: "there is no output; the error class says why",
    NOT_MEASURED: "no metric of the rules was measured",
}
_NO_VERDICT = -1
_FAR = math.log(1.5)
"""Ratio of enlargements from which a baseline does not apply: at x2 detail is not that of x4."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason for a verdict: its name and meaning, and the metrics of its rules."""

    name: str
    meaning: str
    metrics: tuple[str, ...] = ()
    """Empty for a reason that no rule of the file gives."""


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """The verdicts on the rows of a table, and their reasons."""

    reasons: tuple[Reason, ...]
    levels: NDArray[np.int8]
    """Verdict by reason and row, of shape (reasons, rows); 0, which is pass, if it does not
    apply."""
    verdicts: NDArray[np.int8]
    """Verdict of each row; -1 for a row that is neither ok nor failed."""
    without_baseline: NDArray[np.bool_]
    """True for each image whose model has no baseline, so that numbers alone judged it."""
    unmeasured: tuple[str, ...]
    """Metrics of the rules that no image has a value of."""

    def of(self, verdict: Verdict) -> NDArray[np.intp]:
        """Return the rows with a verdict."""
        return np.flatnonzero(self.verdicts == verdict)

    def reasons_of(self, row: int) -> list[tuple[Reason, Verdict]]:
        """Return the reasons for the verdict on a row, the worst first."""
        levels = self.levels[:, row]
        found = [(self.reasons[index], Verdict(levels[index])) for index in np.flatnonzero(levels)]
        return sorted(found, key=lambda each: -each[1])


def columns_for(rules: Rules) -> set[str]:
    """Return the columns of the metrics table that `judge` needs."""
    metrics = {rule.judged for rule in rules.rules}
    return columns_of(list(metrics)) | {"status", "model", "width_in_px", "width_out_px"}


def judge(rows: pa.Table, rules: Rules, baselines: Mapping[str, Sequence[Baseline]]) -> Judgement:
    """Judge rows of the metrics table.

    A value that is undefined breaks no rule, but an image without any value of the rules is to be
    reviewed. A limit that needs a missing baseline is left out. An adopted output does not name
    its model: it gets the mildest limits of the run's models.

    Args:
        rows: with the columns of `columns_for(rules)`.
        rules: the rules.
        baselines: of each model that the run may have used; an empty sequence if it has none.
    """
    is_ok, is_failed = (_equals(rows, "status", each) for each in (Status.OK, Status.FAILED))
    groups = list(_groups(rows, is_ok, baselines))
    reasons = _reasons(rules)
    levels = {each.name: np.zeros(rows.num_rows, dtype=np.int8) for each in reasons}
    measured = np.zeros(rows.num_rows, dtype=bool)
    has_values: dict[str, bool] = {}
    for rule in rules.rules:
        values = values_of(rule.judged, rows)
        defined = ~np.isnan(values)
        measured |= defined
        has_values[rule.metric] = bool(defined.any())
        of_reason = levels[rule.reason]
        for group in groups:
            if group.is_judged_by(rule):
                found = _apply(rule, values[group.rows], group.baselines)
                of_reason[group.rows] = np.maximum(of_reason[group.rows], found)
    levels[NOT_UPSCALED][is_failed] = Verdict.FAIL
    levels[NOT_MEASURED][is_ok & ~measured] = Verdict.REVIEW
    table = np.stack(list(levels.values()))
    verdicts = np.where(is_ok | is_failed, table.max(axis=0), _NO_VERDICT).astype(np.int8)
    without = np.zeros(rows.num_rows, dtype=bool)
    for group in groups:
        without[group.rows] = not group.baselines
    unmeasured = tuple(name for name, found in has_values.items() if not found)
    return Judgement(reasons, table, verdicts, without, unmeasured)


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Images of equal models and baselines."""

    rows: NDArray[np.intp]
    models: tuple[str, ...]
    baselines: tuple[Baseline, ...]
    """One for each of the models; empty if one of them has none."""

    def is_judged_by(self, rule: Rule) -> bool:
        """Return True if the rule is for all models that may have made the images."""
        return rule.models is None or set(self.models) <= set(rule.models)


def _groups(
    rows: pa.Table, is_ok: NDArray[np.bool_], baselines: Mapping[str, Sequence[Baseline]]
) -> Iterator[_Group]:
    factors = _factors(rows)
    for name in pc.unique(rows.column("model")).to_pylist():
        is_of_model = is_ok & _equals(rows, "model", name)
        models = tuple(baselines) if name is None else (name,)
        for factor in np.unique(factors[is_of_model]):
            nearest = [_nearest(baselines.get(model, ()), float(factor)) for model in models]
            known = tuple(each for each in nearest if each is not None)
            chosen = np.flatnonzero(is_of_model & (factors == factor))
            yield _Group(chosen, models, known if len(known) == len(models) else ())


def _equals(rows: pa.Table, column: str, value: str | None) -> NDArray[np.bool_]:
    """Compare a column of strings with a value, or with null."""
    strings = rows.column(column)
    found = pc.is_null(strings) if value is None else pc.fill_null(pc.equal(strings, value), False)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=bool)


def _factors(rows: pa.Table) -> NDArray[np.float64]:
    """Return the enlargement of each image, in steps of half a power of two."""
    factor = pc.divide(
        pc.cast(rows.column("width_out_px"), pa.float64()), rows.column("width_in_px")
    )
    found = pc.fill_null(factor, 1.0).to_numpy(zero_copy_only=False)
    # With --target each image has a factor of its own, while baselines are few.
    return np.asarray(np.exp2(np.round(2 * np.log2(found)) / 2))


def _nearest(baselines: Sequence[Baseline], factor: float) -> Baseline | None:
    """Return the baseline of the nearest scale, as a ratio; None if all are far."""
    distance, nearest = min(
        ((abs(math.log(factor / each.scale)), each) for each in baselines),
        key=operator.itemgetter(0),
        default=(math.inf, None),
    )
    return nearest if distance <= _FAR else None


def _reasons(rules: Rules) -> tuple[Reason, ...]:
    reasons = {name: Reason(name, meaning) for name, meaning in _BUILT_IN.items()}
    for rule in rules.rules:
        known = reasons.get(rule.reason, Reason(rule.reason, rule.meaning))
        reasons[rule.reason] = replace(known, metrics=(*known.metrics, rule.metric))
    return tuple(reasons.values())


def _apply(rule: Rule, values: Values, baselines: Sequence[Baseline]) -> NDArray[np.int8]:
    """Return the verdicts of a rule; NaN is beyond no limit."""
    found = np.zeros(values.size, dtype=np.int8)
    for verdict, limits in rule.limits.items():
        above = _limits(rule.judged, limits.above, limits.stretch, baselines)
        below = _limits(rule.judged, limits.below, limits.stretch, baselines)
        beyond = np.zeros(values.size, dtype=bool)
        if above:
            beyond |= values > max(above)  # the mildest
        if below:
            beyond |= values < min(below)
        found[beyond] = verdict
    return found


def _limits(
    metric: Metric,
    limit: float | Quantile | None,
    stretch: float,
    baselines: Sequence[Baseline],
) -> list[float]:
    """Return a limit as a number for each baseline; empty if there is none or one is unknown."""
    if limit is None:
        return []
    if isinstance(limit, float):
        return [limit]
    found = [each.limit(metric, limit, stretch) for each in baselines]
    known = [each for each in found if each is not None]
    return known if len(known) == len(found) else []
