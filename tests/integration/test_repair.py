"""srfleet repair: missing and damaged outputs are made again, and nothing is overwritten."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.upscale.repair import damaged_images
from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.schemas import METRICS_SCHEMA
from sr_core.archive.storage import Store, open_store
from sr_core.audit.verify.checks import verify, verify_run
from sr_core.audit.verify.findings import Kind
from sr_core.config import ExecutionConfig, JobConfig, RunConfig
from sr_core.engine.rounds import plan_round, put_plan
from tests.support.commands import srfleet_here
from tests.support.photographs import write_photographs
from tests.support.servers import S3Server, moto_server
from tests.support.small_run import contents
from tests.support.whole_run import plan_here, plan_retry_here, run_here

FIRST, SECOND = "images/000.png", "images/001.jpg"


@pytest.fixture(scope="module")
def moto() -> Iterator[S3Server]:
    with moto_server() as server:
        yield server


@pytest.fixture(params=["disk", "s3"])
def job(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> JobConfig:
    """Upscale four photographs into a folder or a bucket."""
    output = str(tmp_path / "out")
    if request.param == "s3":
        server = request.getfixturevalue("moto")
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        output = f"s3://{server.bucket}/{secrets.token_hex(8)}"
    write_photographs(tmp_path / "photos", 4)
    the_job = JobConfig(
        source=str(tmp_path / "photos"),
        output=output,
        run=RunConfig(model="bicubic", measure=False),
        execution=ExecutionConfig(actors=1, shard_images=2, shard_megapixels=1),
    )
    run_here(the_job)
    return the_job


def damage(root: Store, key: str) -> None:
    data = bytearray(root.read(key))
    data[-20] ^= 1
    root.replace(key, bytes(data))


def remove(job: JobConfig, root: Store, key: str, moto: S3Server) -> None:
    if root.local_path is not None:
        (root.local_path / key).unlink()
    else:
        bucket, _, prefix = job.output.removeprefix("s3://").partition("/")
        moto.admin().delete_object(Bucket=bucket, Key=f"{prefix}/{key}")


def repair(job: JobConfig) -> int:
    """Plan and finish a repair; return the number of its images."""
    run = plan_here(job)
    state = run.ledger.snapshot()
    chosen = damaged_images(run, state)
    if len(chosen.manifest):
        index = len(state.rounds)
        plan = plan_round(run, chosen.manifest, index, 1, lambda: 1.0, chosen.taken_keys)
        put_plan(run, plan)
        run_here(job, "repair")
    return len(chosen.manifest)


def rows(root: Store) -> dict[str, dict[str, Any]]:
    found = Ledger(root).latest_rows(METRICS_SCHEMA.names).to_pylist()
    return {row["key"]: row for row in found}


def test_a_missing_output_gets_its_name_back_and_a_damaged_one_is_kept(
    job: JobConfig, moto: S3Server
) -> None:
    root = open_store(job.output)
    original = contents(root)
    remove(job, root, FIRST, moto)
    damage(root, SECOND)
    before = contents(root)
    assert repair(job) == 2
    assert verify_run(root) == []
    after = contents(root)
    assert before.items() <= after.items(), "an object was changed or lost"
    found = rows(root)
    assert (found["000.png"]["output_key"], found["000.png"]["round"]) == (FIRST, 1)
    assert found["002.png"]["round"] == 0
    renamed = found["001.jpg"]["output_key"]
    assert renamed != SECOND
    assert after[FIRST] == original[FIRST]
    assert after[renamed] == original[SECOND]
    assert repair(job) == 0


def test_a_sound_run_needs_no_repair(job: JobConfig) -> None:
    assert repair(job) == 0
    assert Ledger(open_store(job.output)).rounds() == [0]


def test_a_repair_without_its_source_fails_and_a_retry_never_adopts_the_damaged_output(
    job: JobConfig,
) -> None:
    root = open_store(job.output)
    damage(root, SECOND)
    source = Path(job.source) / "001.jpg"
    source.rename(source.with_suffix(".away"))
    assert repair(job) == 1
    assert rows(root)["001.jpg"]["error_class"] == "not_found"
    source.with_suffix(".away").rename(source)
    plan_retry_here(job)
    run_here(job, "retry")
    row = rows(root)["001.jpg"]
    assert (row["status"], row["round"]) == ("ok", 2)
    assert row["output_key"] != SECOND
    assert verify_run(root) == []


@pytest.mark.parametrize("job", ["disk"], indirect=True)
@pytest.mark.usefixtures("ray_session")
def test_the_command_repairs_and_says_so(job: JobConfig, tmp_path: Path) -> None:
    (tmp_path / "out" / FIRST).unlink()
    kinds = {each.kind for each in verify(open_store(job.output)).findings}
    assert kinds == {Kind.MISSING_OUTPUT}
    done = srfleet_here("repair", job.output, "--actors", "1")
    assert done.exit_code == 0, done.output
    assert "4 images: 4 ok" in done.stdout
    assert srfleet_here("verify", job.output).exit_code == 0
    again = srfleet_here("repair", job.output, "--actors", "1")
    assert again.exit_code == 0
    assert "no output is missing or damaged" in again.stderr


@pytest.mark.parametrize("job", ["disk"], indirect=True)
def test_a_damaged_table_is_not_repaired(job: JobConfig, tmp_path: Path) -> None:
    (tmp_path / "out" / "metrics" / "shard-00000.parquet").write_bytes(b"no table")
    done = srfleet_here("repair", job.output)
    assert done.exit_code == 5
    assert "restore this object from a copy" in done.stderr
