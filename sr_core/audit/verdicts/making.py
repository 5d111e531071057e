"""Making a baseline: quantiles of every metric over a run on known-good photographs."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.ledger.rounds import STATE_COLUMNS
from sr_core.archive.ledger.runs import RunRecord
from sr_core.archive.storage import Store
from sr_core.audit.verdicts.baselines import Baseline
from sr_core.audit.verdicts.rules import QUANTILES, Quantile
from sr_core.errors import ConfigurationError
from sr_core.metrics.registry import METRICS
from sr_core.records import Status

LEAST_IMAGES = 20
"""Images that a baseline must have: the quantiles of fewer say nothing."""


def make_baseline(store: Store) -> Baseline:
    """Return the baseline of the run in a root; see `baseline_of`.

    Raises: ConfigurationError if the root holds no run, or as `baseline_of`.
    """
    ledger = Ledger(store)
    record = ledger.run()
    if record is None:
        raise ConfigurationError(f"{store.uri} holds no run")
    columns = [*STATE_COLUMNS, *(metric.name for metric in METRICS)]
    return baseline_of(record, ledger.latest_rows(columns))


def baseline_of(record: RunRecord, rows: pa.Table) -> Baseline:
    """Return the quantiles of all metrics over the images of a run that are ok.

    Args:
        record: a run of one model, with --scale.
        rows: its latest rows, with `status` and all metrics.

    Raises: ConfigurationError for a run of several models or with --target, or of too few images.
    """
    if record.config.get("target") is not None or len(record.checkpoint_hashes) > 1:
        raise ConfigurationError(
            "a baseline is of one model at one scale: give a model other than auto, and no --target"
        )
    ok = rows.filter(pc.equal(rows["status"], Status.OK.value))
    if ok.num_rows < LEAST_IMAGES:
        raise ConfigurationError(
            f"only {ok.num_rows} images were upscaled; a baseline needs {LEAST_IMAGES}, and "
            "several hundred for limits that hold"
        )
    return Baseline(
        model=str(record.config["model"]),
        scale=int(record.config["scale"]),
        images=ok.num_rows,
        checkpoint_sha256=record.checkpoint_sha256,
        measures={
            metric.name: found for metric in METRICS if (found := _quantiles(ok[metric.name]))
        },
    )


def to_json(baseline: Baseline) -> bytes:
    """Write a baseline as the JSON that `load_baseline` reads."""
    return (json.dumps(asdict(baseline), indent=1) + "\n").encode()


def _quantiles(column: pa.ChunkedArray) -> dict[Quantile, float]:
    """Return the quantiles of the finite values; none if these are too few."""
    values = column.drop_null().to_numpy()
    values = values[np.isfinite(values)]
    if len(values) < LEAST_IMAGES:
        return {}
    return {name: round(float(np.quantile(values, _share(name))), 6) for name in QUANTILES}


def _share(name: Quantile) -> float:
    """Return the share of a quantile's name: median, or the digits after the point."""
    return 0.5 if name == "median" else float(f"0.{name[1:]}")
