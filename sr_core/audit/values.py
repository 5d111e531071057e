"""The values of metrics, read from the metrics table of a run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from sr_core.metrics.metric import Metric, Values


def columns_of(metrics: Sequence[Metric]) -> set[str]:
    """Return the columns of the metrics table that hold the values of some metrics."""
    return {column for metric in metrics for column in metric.read_columns}


def values_of(metric: Metric, table: pa.Table) -> Values:
    """Return a metric's values in the order of the table; NaN for null.

    Raises: KeyError if the table lacks a column.
    """
    return metric.values({name: _floats(table, name) for name in metric.read_columns})


def _floats(table: pa.Table, name: str) -> Values:
    column = table.column(name).cast(pa.float64())
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)
