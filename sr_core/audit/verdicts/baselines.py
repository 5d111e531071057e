"""Baselines: the values that each metric takes on known-good images of a model."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from sr_core.archive.ledger.runs import RunRecord
from sr_core.audit.verdicts.rules import Quantile
from sr_core.config import describe
from sr_core.errors import ConfigurationError
from sr_core.metrics.metric import Metric
from sr_core.models.catalogue import models_of


@dataclass(frozen=True, slots=True)
class Baseline:
    """Quantiles of metrics over known-good images of one model at one scale."""

    model: str
    scale: int
    """Output pixels per source pixel along a side."""
    images: int
    """Number of images measured."""
    checkpoint_sha256: str | None
    """SHA-256 of the model's file; None for interpolation."""
    measures: dict[str, dict[Quantile, float]]
    """Quantiles by metric."""

    def limit(self, metric: Metric, quantile: Quantile, stretch: float) -> float | None:
        """Return a limit: the quantile, its distance from the median multiplied by `stretch`.

        None if the baseline lacks the metric.
        """
        values = self.measures.get(metric.name)
        if values is None or quantile not in values or "median" not in values:
            return None
        return stretched(metric, values["median"], values[quantile], stretch)


def stretched(metric: Metric, median: float, quantile: float, stretch: float) -> float:
    """Multiply the distance of a quantile from the median.

    The distance is one of logarithms for ratios, and for errors on their low side: half and
    double are equally far, and no limit is below zero.
    """
    as_ratio = metric.unit == "×" or (metric.direction == "lower" and quantile < median)
    if as_ratio and median > 0 and quantile > 0:
        return float(median * (quantile / median) ** stretch)
    return median + stretch * (quantile - median)


def baselines_of_run(
    record: RunRecord, baselines: Iterable[Baseline]
) -> dict[str, tuple[Baseline, ...]]:
    """Return the baselines of each model that a run may have used.

    A baseline belongs to the very weights that it was measured with: it is found by their hash.
    Interpolation has no weights, and is found by its name.
    """
    known = tuple(baselines)
    hashes = record.checkpoint_hashes
    return {
        model: tuple(
            each
            for each in known
            if (
                each.checkpoint_sha256 in hashes
                and (each.model == model or record.checkpoint_sha256 is not None)
            )
            or (each.checkpoint_sha256 is None and each.model == model)
        )
        for model in models_of(str(record.config["model"]))
    }


def shipped_baselines() -> tuple[Baseline, ...]:
    """Return the baselines of the shipped models and of interpolation."""
    folder = resources.files("sr_core.audit.verdicts") / "baselines"
    files = sorted(folder.iterdir(), key=lambda file: file.name) if folder.is_dir() else []
    return tuple(
        _parse(file.read_bytes(), file.name) for file in files if file.name.endswith(".json")
    )


def load_baseline(path: Path) -> Baseline:
    """Read a baseline from the JSON file that `srfleet baseline` wrote.

    Raises: ConfigurationError naming the file, the key and the value.
    """
    try:
        return _parse(path.read_bytes(), str(path))
    except OSError as error:
        raise ConfigurationError(f"cannot read the baseline {path}: {error.strerror}") from error


def _parse(data: bytes, name: str) -> Baseline:
    try:
        return TypeAdapter(Baseline).validate_python(json.loads(data))
    except ValueError as error:
        problem = describe(error) if isinstance(error, ValidationError) else str(error)
        raise ConfigurationError(f"{name} is not a baseline: {problem}") from error
