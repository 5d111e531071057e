"""Baselines: quantiles of the images that are ok, written as the file that audits read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sr_core.archive.tables import metrics_table
from sr_core.audit.verdicts.baselines import load_baseline
from sr_core.audit.verdicts.making import LEAST_IMAGES, baseline_of, to_json
from sr_core.errors import ConfigurationError, ErrorClass
from sr_core.records import MetricsRow, Status
from tests.support.small_run import CONFIG, record


def rows(count: int, **columns: Any) -> pa.Table:
    """Return `count` ok rows with outliers of 0, 1, 2, ... and a failed one."""
    ok = [
        MetricsRow(f"{i:016x}", f"{i}.png", 0, 0, "a", Status.OK, outlier=float(i), **columns)
        for i in range(count)
    ]
    failed = MetricsRow("f", "f", 0, 0, "a", Status.FAILED, error_class=ErrorClass.DECODE)
    return metrics_table([*ok, failed])


def test_a_baseline_has_the_quantiles_of_what_was_measured(tmp_path: Path) -> None:
    run = record(checkpoint_sha256="ab" * 32)
    file = tmp_path / "mine.json"
    file.write_bytes(to_json(baseline_of(run, rows(1001))))
    found = load_baseline(file)
    assert (found.model, found.scale, found.images) == ("bicubic", 4, 1001)
    assert found.checkpoint_sha256 == "ab" * 32
    assert set(found.measures) == {"outlier"}
    assert found.measures["outlier"]["q001"] == 1
    assert found.measures["outlier"]["median"] == 500
    assert found.measures["outlier"]["q995"] == 995


def test_infinite_values_are_left_out() -> None:
    found = baseline_of(record(), rows(LEAST_IMAGES, lr_psnr_db=float("inf")))
    assert "lr_psnr_db" not in found.measures


def test_too_few_images_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="only 19 images"):
        baseline_of(record(), rows(LEAST_IMAGES - 1))


@pytest.mark.parametrize(
    "changes",
    [{"config": CONFIG | {"target": [10, 10]}}, {"checkpoints": {"a x4": "1", "b x4": "2"}}],
)
def test_a_run_of_several_models_or_scales_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="one model at one scale"):
        baseline_of(record(**changes), rows(LEAST_IMAGES))
