"""Whole rows of the metrics table, for the few images that a page shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from sr_core.archive.ledger.history import read_part
from sr_core.archive.ledger.layout import part_name
from sr_core.archive.schemas import METRICS_SCHEMA
from sr_core.archive.storage import Store
from sr_core.archive.tables import metrics_rows, metrics_table
from sr_core.audit.values import values_of
from sr_core.metrics.metric import Metric
from sr_core.records import MetricsRow

PLACE_COLUMNS = ("image_id", "round", "shard")
"""Columns that locate the whole row of an image."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table, with the values of the metrics on the page."""

    row: MetricsRow
    values: list[tuple[Metric, float]]


def read_lines(store: Store, places: pa.Table, metrics: Sequence[Metric]) -> list[Line]:
    """Read the rows of some images, in the order of `places`.

    Args:
        store: the root of the run.
        places: with PLACE_COLUMNS; if it has all of METRICS_SCHEMA, nothing is read.
        metrics: to show.
    """
    rows = _read_rows(store, places)
    table = metrics_table(rows)
    values = [(metric, values_of(metric, table)) for metric in metrics]
    return [
        Line(row, [(metric, float(each[index])) for metric, each in values])
        for index, row in enumerate(rows)
    ]


def _read_rows(store: Store, places: pa.Table) -> list[MetricsRow]:
    if set(METRICS_SCHEMA.names) <= set(places.column_names):
        return metrics_rows(places)
    wanted = places.select(PLACE_COLUMNS).to_pylist()
    by_part: dict[str, list[str]] = defaultdict(list)
    for place in wanted:
        by_part[part_name(place["round"], place["shard"])].append(place["image_id"])
    rows: dict[str, MetricsRow] = {}
    for part, ids in by_part.items():
        table = read_part(store, part, METRICS_SCHEMA.names)
        chosen = table.filter(pc.is_in(table.column("image_id"), value_set=pa.array(ids)))
        rows |= {row.image_id: row for row in metrics_rows(chosen)}
    return [rows[place["image_id"]] for place in wanted]
