"""A page that compares several upscalers on the same images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sr_core.archive.ledger.history import read_plan
from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.ledger.rounds import STATE_COLUMNS
from sr_core.archive.storage import Store
from sr_core.audit.report.lines import PLACE_COLUMNS, Line, read_lines
from sr_core.audit.report.pages import PAGES
from sr_core.audit.report.panes import Pane, panes
from sr_core.audit.values import columns_of, values_of
from sr_core.errors import ConfigurationError
from sr_core.metrics.metric import Metric
from sr_core.metrics.registry import PSNR_Y, REPORTED, TIME
from sr_core.page.text import number
from sr_core.records import Status

_PLAN_COLUMNS = ("image_id", "key", "reference_key")


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of a metric for each variant, over the images for which all variants have it."""

    metric: Metric
    values: tuple[float, ...]
    best: float | None
    images: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One image by every variant, and its reference, if any."""

    key: str
    panes: list[Pane]
    best: Mapping[str, float | None]
    """Best value by name of the metric; None if no value is the best."""
    right: Pane | None
    """Pane on the right of the movable border: the last variant."""
    left: list[Pane]
    """Panes that the reader can choose for the left."""
    first_choice: int
    """Index of the initial choice, the variant before the last one."""


def write_comparison(
    variants: Sequence[tuple[str, Store]], *, source: Store, path: Path, limit_images: int = 24
) -> None:
    """Write a page that compares runs on one manifest, one run per upscaler.

    Args:
        variants: labels and roots of planned runs; the last one is compared with the others.
        source: the source root, which also has the references.
        path: path of the HTML file.
        limit_images: number of images shown, in key order. The means are over all images.

    Raises: ConfigurationError if a root holds no run; RetryLaterError if a store cannot be used;
        OSError if the page cannot be written.
    """
    path.write_bytes(render_comparison(variants, source=source, limit_images=limit_images))


def render_comparison(
    variants: Sequence[tuple[str, Store]], *, source: Store, limit_images: int = 24
) -> bytes:
    """Return the page of `write_comparison`."""
    labels = [label for label, _ in variants]
    columns = columns_of(REPORTED)
    columns = columns.union(PLACE_COLUMNS, STATE_COLUMNS)
    tables = [_rows(store, sorted(columns)) for _, store in variants]
    means = _means(tables)
    metrics = [mean.metric for mean in means]
    planned = read_plan(variants[0][1], 0, _PLAN_COLUMNS).sort_by("key")
    shown = planned.slice(0, limit_images)
    lines = [
        _lines_by_id(store, table, shown, metrics)
        for (_, store), table in zip(variants, tables, strict=True)
    ]
    samples = [
        _sample(image, variants, [each.get(image["image_id"]) for each in lines], source)
        for image in shown.to_pylist()
    ]
    return PAGES.render(
        "comparison.html.j2",
        kinds=[],
        labels=labels,
        title=_title(labels),
        means=means,
        verdict=_verdict(labels, means),
        samples=samples,
        shown_metrics=_few(metrics),
        image_count=planned.num_rows,
    )


def best_of(metric: Metric, values: Sequence[float]) -> float | None:
    """Return the best value; None if all are equal or the metric has no direction."""
    known = {value for value in values if not np.isnan(value)}
    if metric.direction == "none" or len(known) < 2:
        return None
    return metric.best(known)


def _rows(store: Store, columns: Sequence[str]) -> pa.Table:
    ledger = Ledger(store)
    if ledger.run() is None:
        raise ConfigurationError(f"{store.uri} holds no run; give the roots of runs to compare")
    return ledger.latest_rows(columns)


def _means(tables: Sequence[pa.Table]) -> list[Mean]:
    tables = [table.filter(pc.equal(table.column("status"), Status.OK.value)) for table in tables]
    ids = tables[0].column("image_id")
    for table in tables[1:]:
        ids = ids.filter(pc.is_in(ids, value_set=table.column("image_id")))
    aligned = [table.take(pc.index_in(ids, value_set=table.column("image_id"))) for table in tables]
    means = []
    for metric in REPORTED:
        values = np.stack([values_of(metric, table) for table in aligned])  # (variants, images)
        known = values[:, ~np.isnan(values).any(axis=0)]
        if known.size:
            each = tuple(float(mean) for mean in known.mean(axis=1))
            means.append(Mean(metric, each, best_of(metric, each), known.shape[1]))
    return means


def _lines_by_id(
    store: Store, table: pa.Table, shown: pa.Table, metrics: Sequence[Metric]
) -> dict[str, Line]:
    is_shown = pc.is_in(table.column("image_id"), value_set=shown.column("image_id"))
    return {line.row.image_id: line for line in read_lines(store, table.filter(is_shown), metrics)}


def _sample(
    image: Mapping[str, str | None],
    variants: Sequence[tuple[str, Store]],
    lines: Sequence[Line | None],
    source: Store,
) -> Sample:
    values: dict[Metric, list[float]] = {}
    for line in lines:
        for metric, value in line.values if line else ():
            values.setdefault(metric, []).append(value)
    shown = panes(variants, lines, source, image["reference_key"])
    last = shown[len(variants) - 1]
    left = [pane for pane in shown if pane is not last and pane.whole]
    rivals = [index for index, pane in enumerate(left) if pane.row is not None]
    return Sample(
        key=str(image["key"]),
        panes=shown,
        best={metric.name: best_of(metric, each) for metric, each in values.items()},
        right=last if last.whole and left else None,
        left=left,
        first_choice=max(rivals, default=0),
    )


def _few(metrics: Sequence[Metric]) -> list[Metric]:
    """Choose the metrics shown for each image: two of quality, and the time."""
    judged = [metric for metric in metrics if metric.direction != "none"]
    return judged[:2] + [metric for metric in metrics if metric is TIME]


def _title(labels: Sequence[str]) -> str:
    listed = " and ".join([", ".join(labels[:-1]), labels[-1]] if labels[1:] else labels)
    return listed[:1].upper() + listed[1:]


def _verdict(labels: Sequence[str], means: Sequence[Mean]) -> str | None:
    """Return a sentence on the variant closest to the references, if there are references."""
    mean = next((each for each in means if each.metric is PSNR_Y), None)
    if mean is None or len(labels) < 2:
        return None
    (best, label), (second, other) = sorted(zip(mean.values, labels, strict=True), reverse=True)[:2]
    return (
        f"{label} is closest to the references: {number(best, 2)} dB PSNR-Y on average, "
        f"{number(best - second, 2)} dB above {other}."
    )
