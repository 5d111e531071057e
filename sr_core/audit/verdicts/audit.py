"""The audit of a run: its rows, judged, and counted by verdict, reason, folder and model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sr_core.archive.ledger.history import latest_rows
from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.ledger.rounds import STATE_COLUMNS
from sr_core.archive.ledger.runs import RunRecord
from sr_core.archive.ledger.snapshot import Snapshot
from sr_core.archive.storage import Store
from sr_core.audit.verdicts.baselines import (
    Baseline,
    baselines_of_run,
    load_baseline,
    shipped_baselines,
)
from sr_core.audit.verdicts.judging import Judgement, Reason, columns_for, judge
from sr_core.audit.verdicts.rules import Rules, Verdict, load_rules, shipped_rules

_COLUMNS = ("key", "model", "format_out", "shard", *STATE_COLUMNS)
"""Columns that counts and samples of an audit are made by."""


@dataclass(frozen=True, slots=True)
class Standard:
    """Rules, and the baselines that their limits may refer to."""

    rules: Rules
    baselines: tuple[Baseline, ...]


def shipped_standard() -> Standard:
    """Return the rules and baselines that come with the package."""
    return Standard(shipped_rules(), shipped_baselines())


def load_standard(rules: Path | None, baselines: Sequence[Path] = ()) -> Standard:
    """Read rules and further baselines from files; the shipped baselines are known as well.

    Args:
        rules: a file of rules; None for the shipped ones.
        baselines: files of baselines.

    Raises: ConfigurationError naming the file, the key and the value.
    """
    chosen = shipped_rules() if rules is None else load_rules(rules)
    return Standard(chosen, (*shipped_baselines(), *map(load_baseline, baselines)))


@dataclass(frozen=True, slots=True)
class Tally:
    """Images by verdict, of a whole run or of a part of it."""

    name: str
    passed: int
    review: int
    fail: int

    @property
    def by_verdict(self) -> dict[str, int]:
        """The counts by the labels of the verdicts."""
        counts = (self.passed, self.review, self.fail)
        return {verdict.label: count for verdict, count in zip(Verdict, counts, strict=True)}


@dataclass(frozen=True, slots=True)
class Flagged:
    """An image that did not pass, with its reasons, the worst first."""

    key: str
    verdict: Verdict
    reasons: tuple[tuple[Reason, Verdict], ...]
    error_class: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Audit:
    """The verdicts on a run, by one file of rules."""

    record: RunRecord
    rules: Rules
    rows: pa.Table
    """The latest row of each image, with the columns of the rules."""
    judgement: Judgement

    @property
    def total(self) -> Tally:
        """Count all images that have a verdict."""
        return _tally("", self.judgement.verdicts)

    def by_reason(self) -> list[tuple[Reason, Tally]]:
        """Count the images of each reason that has any, the most failures first."""
        levels = zip(self.judgement.reasons, self.judgement.levels, strict=True)
        found = [(reason, _tally(reason.name, level)) for reason, level in levels]
        flagged = [each for each in found if each[1].review or each[1].fail]
        return sorted(flagged, key=lambda each: (-each[1].fail, -each[1].review))

    def by_folder(self) -> list[Tally]:
        """Count the images of each folder at the top of the source, the worst first."""
        keys = self.rows.column("key")
        top = pc.replace_substring_regex(keys, r"^(?:([^/]*)/)?.*$", r"\1")
        return self._by(top)

    def by_model(self) -> list[Tally]:
        """Count the images of each model, the worst first; adopted outputs do not name theirs."""
        return self._by(pc.fill_null(self.rows.column("model"), ""))

    def flagged(self, limit: int | None = None) -> list[Flagged]:
        """Return the images that did not pass, the worst first.

        Args:
            limit: the most to return; None for all.
        """
        verdicts = self.judgement.verdicts
        weight = self.judgement.levels.astype(np.int64).sum(axis=0)
        order = np.lexsort((-weight, -verdicts))
        chosen = order[: int((verdicts > Verdict.PASS).sum())][:limit]
        rows = self.rows.take(pa.array(chosen)).select(["key", "error_class"]).to_pylist()
        return [
            Flagged(
                row["key"],
                Verdict(verdicts[index]),
                tuple(self.judgement.reasons_of(index)),
                row["error_class"],
            )
            for index, row in zip(chosen.tolist(), rows, strict=True)
        ]

    def without_baseline(self) -> int:
        """Count the images whose model has no baseline."""
        return int(self.judgement.without_baseline.sum())

    def _by(self, names: pa.ChunkedArray) -> list[Tally]:
        encoded = pc.dictionary_encode(names).combine_chunks()
        labels, codes = encoded.dictionary.to_pylist(), encoded.indices.to_numpy()
        verdicts = self.judgement.verdicts.astype(np.int64)
        judged = verdicts >= Verdict.PASS
        places = codes[judged] * len(Verdict) + verdicts[judged]
        counts = np.bincount(places, minlength=len(labels) * len(Verdict))
        tallies = [
            Tally(label, *of_label)
            for label, of_label in zip(
                labels, counts.reshape(-1, len(Verdict)).tolist(), strict=True
            )
            if any(of_label)
        ]
        return sorted(tallies, key=lambda each: (-each.fail, -each.review, each.name))


def audit_run(store: Store, standard: Standard, state: Snapshot | None = None) -> Audit:
    """Judge the images that a run has committed.

    Args:
        store: the root of the run.
        standard: what the images are judged by.
        state: the state of the run, if it has been read already.

    Raises: ConfigurationError if the root holds no run; DamagedError naming a damaged part.
    """
    if state is None:
        state = Ledger(store).snapshot()
    rows = latest_rows(store, state.parts, columns_to_audit(standard))
    return audit_rows(state.record, rows, standard)


def columns_to_audit(standard: Standard) -> list[str]:
    """Return the columns of the metrics table that an audit needs."""
    return sorted(columns_for(standard.rules).union(_COLUMNS))


def audit_rows(record: RunRecord, rows: pa.Table, standard: Standard) -> Audit:
    """Judge the latest rows of a run, which have at least the columns of `columns_to_audit`."""
    judgement = judge(rows, standard.rules, baselines_of_run(record, standard.baselines))
    return Audit(record, standard.rules, rows, judgement)


def verdict_table(audit: Audit) -> pa.Table:
    """Return the verdict on each image: image_id, key, verdict, and its reasons, worst first."""
    labels: Sequence[str | None] = [each.label for each in Verdict] + [None]
    verdicts = [labels[each] for each in audit.judgement.verdicts]
    reasons: list[list[str]] = [[] for _ in verdicts]
    for index in np.flatnonzero(audit.judgement.verdicts > Verdict.PASS).tolist():
        reasons[index] = [reason.name for reason, _ in audit.judgement.reasons_of(index)]
    return (
        audit.rows.select(["image_id", "key"])
        .append_column("verdict", pa.array(verdicts, pa.string()))
        .append_column("reasons", pa.array(reasons, pa.list_(pa.string())))
    )


def _tally(name: str, verdicts: np.ndarray[tuple[int, ...], np.dtype[np.int8]]) -> Tally:
    counts = [int((verdicts == each).sum()) for each in Verdict]
    return Tally(name, *counts)
