"""The commands on a folder, as the owner of an archive runs them, with a real local Ray."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import Result

from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.storage import open_store
from sr_core.audit.verify.checks import verify_run
from sr_core.config import ExecutionConfig, JobConfig, RunConfig
from sr_core.errors import ConfigurationError
from tests.support.commands import job_file, srfleet_here
from tests.support.photographs import write_photographs

pytestmark = pytest.mark.usefixtures("ray_session")


def job(folder: Path) -> JobConfig:
    return JobConfig(
        source=str(folder / "photos"),
        output=str(folder / "photos" / "out"),
        run=RunConfig(model="bicubic"),
        execution=ExecutionConfig(actors=2, shard_megapixels=1, shard_images=3),
    )


def test_a_folder_from_plan_to_report(tmp_path: Path) -> None:
    keys = write_photographs(tmp_path / "photos", 5)
    (tmp_path / "photos" / "notes.jpg").write_text("no image")
    the_job = job(tmp_path)
    file = str(job_file(the_job, tmp_path))

    plan = srfleet_here("plan", "--job", file, "--price-per-hour", "2.5").stdout
    assert "5 of 6 files" in plan
    assert "unsupported_format" in plan
    assert re.search(r"[\d.]+ MP/s per cpu actor", plan)
    assert "at 2.5 per device hour" in plan
    assert not Path(the_job.output).exists(), "a plan writes nothing"

    done = srfleet_here("upscale", "--job", file)
    assert done.exit_code == 3
    lines = done.stdout.splitlines()
    assert lines[0] == "6 images: 5 ok, 1 failed (unsupported_format 1)"
    assert lines[1].startswith("verdicts: ")
    assert lines[2].startswith("report: ")
    root = open_store(the_job.output)
    assert verify_run(root) == []
    page = (Path(the_job.output) / "report.html").read_text()
    assert all(key in page for key in keys)
    status = srfleet_here("status", the_job.output)
    assert status.exit_code == 3
    assert "5 ok, 1 failed (unsupported_format 1)" in status.stdout
    assert status.stdout.endswith("finished\n")
    assert status.stderr == ""
    verified = srfleet_here("verify", the_job.output)
    assert verified.exit_code == 0
    assert "5 of 5 outputs read again\neverything is as it should be\n" in verified.stdout
    assert done.stdout.splitlines()[-1] in verified.stdout  # the root hash

    # New files are reported, and added only on request; the run itself stays unchanged.
    write_photographs(tmp_path / "photos" / "later", 2, side=30)
    (tmp_path / "photos" / keys[0]).write_bytes((tmp_path / "photos" / keys[2]).read_bytes())
    (tmp_path / "photos" / keys[1]).unlink()
    again = srfleet_here("upscale", "--job", file)
    assert again.exit_code == 3
    assert "2 new since the plan (later/000.png, later/001.jpg)" in again.stderr
    assert f"1 changed since the plan ({keys[0]})" in again.stderr
    assert f"1 gone since the plan ({keys[1]})" in again.stderr
    assert pq.read_table(f"{the_job.output}/metrics").num_rows == 6
    assert srfleet_here("upscale", "--job", file, "--extend").exit_code == 3
    rows = pq.read_table(f"{the_job.output}/metrics").to_pylist()
    added = {row["key"]: row["status"] for row in rows if row["round"] == 1}
    assert added == {"later/000.png": "ok", "later/001.jpg": "ok"}
    assert verify_run(root) == []


def test_a_manifest_stands_for_its_source(tmp_path: Path) -> None:
    write_photographs(tmp_path / "photos", 3)
    manifest = tmp_path / "photos.parquet"

    def make(sink: Path, *options: str) -> Result:
        return srfleet_here("manifest", str(tmp_path / "photos"), "-o", str(sink), *options)

    assert "3 images" in make(manifest).stdout
    with pytest.raises(ConfigurationError, match="is not overwritten"):
        make(manifest)
    the_job = job(tmp_path).model_copy(
        update={"source": str(manifest), "output": str(tmp_path / "out")}
    )
    write_photographs(tmp_path / "photos" / "later", 1, side=30)
    assert srfleet_here("upscale", "--job", str(job_file(the_job, tmp_path))).exit_code == 0
    assert pq.read_table(tmp_path / "out/metrics").num_rows == 3

    increment = tmp_path / "increment.parquet"
    made = make(increment, "--since", str(tmp_path / "out"))
    run = Ledger(open_store(str(tmp_path / "out"))).run()
    assert run is not None
    said = f"out: run {run.run_id}, model bicubic, scale 4, format source"
    assert said in made.stderr
    assert pq.read_table(increment).column("key").to_pylist() == ["later/000.png"]


def test_an_empty_source_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(ConfigurationError, match="holds no files"):
        srfleet_here("upscale", "--job", str(job_file(job(tmp_path), tmp_path)))
    assert list((tmp_path / "photos").iterdir()) == []
