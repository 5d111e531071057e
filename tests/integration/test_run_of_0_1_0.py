"""A run of version 0.1.0, left half done by a killed driver, is finished by this version.

tests/fixtures/run-0.1.0 holds its objects: sources, two of six shards as committed, and the
outputs of the others, except for a broken source. Only one of those outputs is uploaded, so that
one is adopted and three are made by this version. Its weights lie beside it: a run is finished with
those that it began with.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.schemas import METRICS_SCHEMA
from sr_core.archive.storage import Store, open_store
from sr_core.audit.verify.checks import verify_run
from sr_core.config import JobConfig, RunConfig
from sr_core.engine.prepare import open_run
from sr_core.errors import ConfigurationError
from sr_core.models import catalogue
from tests.integration.storage.conftest import set_environment
from tests.support.servers import BUCKET, moto_server
from tests.support.small_run import contents

PROJECT = Path(__file__).parents[2]
FIXTURE = PROJECT / "tests" / "fixtures" / "run-0.1.0"
ROOT = f"s3://{BUCKET}/upscaled"
COMMITTED = 2
MAKER_COLUMNS = ("model", "model_scale", "model_reason", "precision", "device")
NOT_WRITTEN = {f"upscaled/images/{name}" for name in ("cats/001.jpg", "cats/002.png", "003.jpg")}


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Upload the objects of the run to an S3 server, with their metadata."""
    with moto_server() as server:
        admin = server.admin()
        for each in json.loads((FIXTURE / "index.json").read_text(encoding="utf-8")):
            if each["key"] in NOT_WRITTEN:
                continue
            admin.put_object(
                Bucket=BUCKET,
                Key=each["key"],
                Body=(FIXTURE / each["file"]).read_bytes(),
                Metadata=each["metadata"],
            )
        set_environment(monkeypatch, server.environment())
        yield open_store(ROOT)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Return a copy of this version with the weights that the run began with."""
    for package in ("jobs", "sr_core"):
        shutil.copytree(PROJECT / package, tmp_path / package)
    shutil.copy(FIXTURE / "srgan_x4.safetensors", tmp_path / "sr_core" / "models" / "weights")
    return tmp_path


def srfleet(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run a command; return its exit code and what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "jobs", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def rows(root: Store) -> dict[str, dict[str, Any]]:
    found = Ledger(root).latest_rows(METRICS_SCHEMA.names).to_pylist()
    return {row["key"]: row for row in found}


def test_a_run_of_version_0_1_0_is_resumed_verified_and_reported(
    root: Store, program: Path
) -> None:
    before = contents(root)
    parts = sorted(key for key in before if key.startswith("metrics/"))
    committed = {
        row["output_key"]
        for part in parts
        for row in pq.read_table(io.BytesIO(before[part])).to_pylist()
    }
    unmeasured = {key for key in before if key.startswith("images/")} - committed
    assert (len(parts), len(unmeasured)) == (COMMITTED, 1)
    (program / "job.yaml").write_text(
        f"source: s3://{BUCKET}/photos\noutput: {ROOT}\nrun: {{model: srgan}}\n"
        "execution: {actors: 1}\n"
    )
    code, said = srfleet(program, "upscale", "--job", "job.yaml")
    assert code == 3, said  # one source is broken
    after = contents(root)
    assert before.items() <= after.items(), "a committed byte changed"
    assert verify_run(root) == []
    assert srfleet(program, "verify", ROOT)[0] == 0
    assert b"srgan" in after["report.html"]
    found = rows(root)
    adopted = {row["output_key"] for row in found.values() if row["adopted"]}
    assert adopted == unmeasured
    for row in found.values():
        new = row["status"] == "ok" and row["output_key"] not in committed | adopted
        assert all((row[name] is not None) == new for name in MAKER_COLUMNS), row["key"]
        assert row["sidecars"] is None, row["key"]
        measured = row["status"] == "ok" and row["output_key"] not in committed
        assert (row["block_error"] is not None) == measured, row["key"]
        assert row["twin_error"] is None, "trust is basic"
        if row["status"] == "ok":
            assert b"DigitalSourceType" not in after[row["output_key"]], "a mark is new as well"
    assert srfleet(program, "upscale", "--job", "job.yaml")[0] == 3
    assert contents(root) == after, "a finished run wrote something"


def test_no_model_need_be_named_to_resume_it(root: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "WEIGHTS", FIXTURE)
    monkeypatch.setattr(catalogue, "AUTO_MODELS", (catalogue.CLEAN,))  # the other is not there
    job = JobConfig(source=f"s3://{BUCKET}/photos", output=ROOT)
    run, manifest = open_run(job)
    assert run.record == Ledger(root).run()
    assert manifest is None
    assert run.job.run.model == "srgan"
    assert [(each.model, each.scale) for each in run.checkpoints] == [("srgan", 4)]
    with pytest.raises(ConfigurationError, match='model: "srgan" -> "auto"'):
        open_run(job.model_copy(update={"run": RunConfig(model="auto")}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("salvage", True),
        ("sidecars", True),
        ("mark", True),
        ("bitonal", "keep"),
        ("trust", "full"),
    ],
)
def test_a_newer_setting_is_refused_by_name(
    name: str, value: object, root: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "WEIGHTS", FIXTURE)
    monkeypatch.setattr(catalogue, "AUTO_MODELS", (catalogue.CLEAN,))
    run = RunConfig.model_validate({name: value})
    with pytest.raises(ConfigurationError, match=f"{name}: not set -> {json.dumps(value)}"):
        open_run(JobConfig(source=f"s3://{BUCKET}/photos", output=root.uri, run=run))


def test_another_precision_than_its_own_is_refused(root: Store, program: Path) -> None:
    arguments = ["upscale", f"s3://{BUCKET}/photos", ROOT, "--model", "srgan"]
    code, said = srfleet(program, *arguments, "--precision", "float32")
    assert code == 2, said
    assert 'precision: not set -> "float32"' in said
