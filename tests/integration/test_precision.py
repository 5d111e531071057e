"""The precision of a run: decided at its first start, kept by every later one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from sr_core.archive.ledger.versions import computing_versions
from sr_core.archive.storage import open_store
from sr_core.audit.verify.checks import verify_run
from sr_core.config import ExecutionConfig, JobConfig, RunConfig
from sr_core.engine.prepare import open_run
from sr_core.engine.rounds import plan_round, put_plan
from sr_core.errors import ConfigurationError
from sr_core.inference.device_model import device_model
from tests.support.photographs import write_photographs
from tests.support.whole_run import plan_here, run_here

HALF = "sr_core.inference.openvino_engine.has_native_bf16"


def job(folder: Path, **run: Any) -> JobConfig:
    return JobConfig(
        source=str(folder / "photos"),
        output=str(folder / "out"),
        run=RunConfig(**{"model": "srresnet", "format": "png", "measure": False} | run),
        execution=ExecutionConfig(shard_megapixels=1, shard_images=4),
    )


def record(folder: Path) -> dict[str, Any]:
    content = json.loads((folder / "out/run.json").read_text())
    assert isinstance(content, dict)
    return content


@pytest.fixture(autouse=True)
def photographs(tmp_path: Path) -> None:
    write_photographs(tmp_path / "photos", 2, side=20)


@pytest.mark.parametrize(("native", "decided"), [(True, "half"), (False, "float32")])
def test_auto_is_decided_at_the_first_start_and_kept(
    native: bool, decided: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HALF, lambda: native)
    first = plan_here(job(tmp_path))
    assert first.job.run.precision == record(tmp_path)["config"]["precision"] == decided
    assert record(tmp_path)["run_id"] == first.record.run_id
    monkeypatch.setattr(HALF, lambda: not native)
    again = plan_here(job(tmp_path))
    assert again.job.run.precision == decided
    assert again.record == first.record
    assert plan_here(job(tmp_path, precision=decided)).record == first.record


def test_another_precision_on_the_same_root_is_refused(tmp_path: Path) -> None:
    plan_here(job(tmp_path, precision="half"))
    with pytest.raises(ConfigurationError, match='precision: "half" -> "float32"'):
        plan_here(job(tmp_path, precision="float32"))


def test_half_is_computed_in_float32_by_a_cpu_without_bfloat16(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HALF, lambda: False)
    run_here(job(tmp_path, precision="half"))
    assert verify_run(open_store(str(tmp_path / "out"))) == []
    assert record(tmp_path)["config"]["precision"] == "half"
    rows = pq.read_table(tmp_path / "out/metrics").to_pylist()
    assert {(row["engine"], row["precision"]) for row in rows} == {("openvino", "float32")}


def test_rows_name_the_device_and_parts_the_versions(tmp_path: Path) -> None:
    run_here(job(tmp_path, precision="float32"))
    (part,) = (tmp_path / "out/metrics").iterdir()
    table = pq.read_table(part)
    assert set(table["device"].to_pylist()) == {device_model("cpu")}
    versions = json.loads(table.schema.metadata[b"srfleet.versions"])
    assert versions.keys() >= {
        "srfleet",
        "torch",
        "openvino",
        "imagecodecs",
        "simplejpeg",
        "python",
    }
    assert versions == record(tmp_path)["versions"] == computing_versions()


def test_an_interpolated_image_has_a_device_but_neither_engine_nor_precision(
    tmp_path: Path,
) -> None:
    run_here(job(tmp_path, model="bicubic"))
    for row in pq.read_table(tmp_path / "out/metrics").to_pylist():
        assert (row["engine"], row["precision"]) == (None, None)
        assert row["device"] == device_model("cpu")


def test_interpolation_asks_no_device(tmp_path: Path) -> None:
    run, _ = open_run(job(tmp_path, model="bicubic"))
    assert run.job.run.precision == "float32"


def test_a_run_does_not_begin_before_its_precision_is_decided(tmp_path: Path) -> None:
    run, manifest = open_run(job(tmp_path))
    assert manifest is not None
    plan = plan_round(run, manifest, 0, 1, lambda: 1.0)
    with pytest.raises(ValueError, match="before its precision is decided"):
        put_plan(run, plan)
