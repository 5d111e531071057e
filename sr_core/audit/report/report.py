"""The report of a run: totals, distributions of metrics, and images, worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sr_core.archive.ledger.history import latest_rows
from sr_core.archive.ledger.layout import REPORT_KEY
from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.ledger.rounds import STATE_COLUMNS
from sr_core.archive.ledger.snapshot import Snapshot
from sr_core.archive.schemas import METRICS_SCHEMA
from sr_core.archive.storage import Store
from sr_core.audit.report.histogram import histogram
from sr_core.audit.report.lines import PLACE_COLUMNS, Line, read_lines
from sr_core.audit.report.pages import PAGES
from sr_core.audit.report.pictures import Preview, preview
from sr_core.audit.report.ranking import Ranked, worst_first
from sr_core.audit.report.summary import SIZE_COLUMNS, summarise
from sr_core.audit.values import columns_of, values_of
from sr_core.audit.verdicts.audit import (
    Audit,
    Standard,
    audit_rows,
    columns_to_audit,
    shipped_standard,
)
from sr_core.audit.verdicts.judging import Reason
from sr_core.audit.verdicts.rules import Verdict
from sr_core.errors import ErrorClass
from sr_core.metrics.registry import REPORTED
from sr_core.records import MetricsRow, Status

LINES_PER_CLASS = 50
"""Number of failed rows listed per error class, so that no class crowds out the others."""
WHOLE_ROWS_UP_TO = 20_000
"""Images of a run up to which their whole rows are held in memory, at about 1 kB each."""
THUMBNAIL_PX = 240
DETAIL_PX = 224


@dataclass(frozen=True, slots=True)
class Card:
    """One image of the contact sheet: its row, place in the ranking, pictures and verdict."""

    line: Line
    ranked: Ranked
    preview: Preview
    reasons: tuple[tuple[Reason, Verdict], ...]
    """Reasons for the verdict, the worst first; empty if it passes."""

    @property
    def verdict(self) -> Verdict:
        """The verdict on the image."""
        return self.reasons[0][1] if self.reasons else Verdict.PASS


def write_report(
    store: Store,
    *,
    source: Store | None,
    state: Snapshot | None = None,
    standard: Standard | None = None,
    limit_images: int = 60,
) -> Audit:
    """Write report.html into the root of a run, finished or not; replaces an earlier report.

    Returns: the verdicts on the images.

    Args:
        store: the root of the run.
        source: the source root; None to show outputs without their sources.
        state: the state of the run, if it has been read already.
        standard: what the images are judged by; None for the shipped rules.
        limit_images: number of images on the contact sheet.

    Raises: ConfigurationError if the root holds no run; RetryLaterError if a store cannot be used.
    """
    page, audit = _render(store, source, state, standard or shipped_standard(), limit_images)
    store.replace(REPORT_KEY, page)
    return audit


def render_report(
    store: Store,
    *,
    source: Store | None,
    state: Snapshot | None = None,
    standard: Standard | None = None,
    limit_images: int = 60,
) -> bytes:
    """Return the page of `write_report`.

    Of a large run only the columns of numbers are read, and whole rows of the images shown.
    Pictures are read one at a time.
    """
    return _render(store, source, state, standard or shipped_standard(), limit_images)[0]


def _render(
    store: Store,
    source: Store | None,
    state: Snapshot | None,
    standard: Standard,
    limit_images: int,
) -> tuple[bytes, Audit]:
    if state is None:
        state = Ledger(store).snapshot()
    shown_columns = _columns(state)
    columns = sorted({*shown_columns, *columns_to_audit(standard)})
    audit = audit_rows(state.record, latest_rows(store, state.parts, columns), standard)
    rows = audit.rows.select(shown_columns)
    is_ok = pc.equal(rows.column("status"), Status.OK.value)
    verdicts = audit.judgement.verdicts[is_ok.to_numpy()]
    ok = rows.filter(is_ok)
    measured = [(metric, values_of(metric, ok)) for metric in REPORTED]
    measured = [(each, values) for each, values in measured if not np.isnan(values).all()]
    metrics = [metric for metric, _ in measured]
    ranking = worst_first(measured, verdicts, limit_images)
    shown = read_lines(
        store, ok.take(pa.array([each.index for each in ranking], pa.int64())), metrics
    )
    is_skipped = pc.equal(rows.column("status"), Status.SKIPPED.value)
    failed = rows.filter(pc.invert(pc.or_(is_ok, is_skipped)))
    not_ok = read_lines(store, _some_of_each_class(failed), metrics)
    skipped = read_lines(store, _some_of_each_class(rows.filter(is_skipped)), metrics)
    places = np.flatnonzero(is_ok.to_numpy())
    reasons = [audit.judgement.reasons_of(int(places[each.index])) for each in ranking]
    cards = _cards(store, source, shown, ranking, reasons)
    page = PAGES.render(
        "report.html.j2",
        kinds=[
            *Status,
            *ErrorClass,
            *(each.label for each in Verdict),
            *(metric.name for metric in REPORTED),
            "warned",
        ],
        audit=audit,
        root=store.uri,
        head=summarise(state.progress, ok),
        histograms=list(filter(None, (histogram(each, values) for each, values in measured))),
        cards=cards,
        card_kinds=_card_kinds(cards),
        lines=[*not_ok, *shown, *skipped],
        line_kinds=_line_kinds([*not_ok, *shown, *skipped]),
        lines_per_class=LINES_PER_CLASS,
        metrics=metrics,
        ok_count=ok.num_rows,
        row_count=rows.num_rows,
        made_at=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    )
    return page, audit


def _cards(
    store: Store,
    source: Store | None,
    shown: Sequence[Line],
    ranking: Sequence[Ranked],
    reasons: Sequence[Sequence[tuple[Reason, Verdict]]],
) -> list[Card]:
    return [
        Card(
            line,
            ranked,
            preview(line.row, store, source, THUMBNAIL_PX, DETAIL_PX, _spot(line.row, found)),
            tuple(found),
        )
        for line, ranked, found in zip(shown, ranking, reasons, strict=True)
    ]


def _spot(row: MetricsRow, reasons: Sequence[tuple[Reason, Verdict]]) -> tuple[int, int] | None:
    """Return the place in the output of the worst reason that has one."""
    spots = row.spots or {}
    for reason, _ in reasons:
        for spot in (spots[each] for each in reason.metrics if each in spots):
            return spot["x_px"], spot["y_px"]
    return None


def _columns(state: Snapshot) -> Sequence[str]:
    """Choose the columns to show of all images; of a small run all, so that it is read once."""
    if state.progress.images <= WHOLE_ROWS_UP_TO:
        return [*METRICS_SCHEMA.names]
    return sorted(columns_of(REPORTED).union(PLACE_COLUMNS, STATE_COLUMNS, SIZE_COLUMNS))


def _some_of_each_class(rows: pa.Table) -> pa.Table:
    """Keep at most LINES_PER_CLASS rows per error class, the smallest classes first."""
    classes = pc.coalesce(rows.column("error_class"), rows.column("status"))
    kept = [
        rows.filter(pc.equal(classes, pair["values"])).slice(0, LINES_PER_CLASS)
        for pair in sorted(classes.value_counts().to_pylist(), key=lambda pair: pair["counts"])
    ]
    return pa.concat_tables([rows.slice(0, 0), *kept])


def _card_kinds(cards: Sequence[Card]) -> list[tuple[str, str, int]]:
    reasons = Counter(card.ranked.metric for card in cards)
    verdicts = Counter(card.verdict for card in cards)
    kinds = [
        (each.label, each.label, verdicts[each])
        for each in (Verdict.FAIL, Verdict.REVIEW)
        if each in verdicts
    ]
    kinds += [(each.name, each.label, reasons[each]) for each in REPORTED if each in reasons]
    warned = sum(bool(card.line.row.warnings) for card in cards)
    return [*kinds, ("warned", "with warnings", warned)] if warned else kinds


def _line_kinds(lines: Sequence[Line]) -> list[tuple[str, str, int]]:
    statuses = Counter(line.row.status for line in lines)
    failed = [line.row for line in lines if line.row.status is Status.FAILED]
    classes = Counter(row.error_class for row in failed if row.error_class is not None)
    kinds = [(status, statuses[status]) for status in Status if status in statuses]
    return [(str(kind), str(kind), count) for kind, count in [*kinds, *classes.most_common()]]
