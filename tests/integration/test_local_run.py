"""The commands on a folder, as the owner of an archive types them, with a real local Ray."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from jobs.cli.manifest import make_manifest
from jobs.cli.plan import show_plan
from jobs.cli.status import show_status, show_verification
from jobs.cli.upscale import run_upscale
from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.storage import open_store
from sr_core.audit.verify.checks import verify_run
from sr_core.config import ExecutionConfig, JobConfig, RunConfig
from sr_core.errors import ConfigurationError
from tests.support.photographs import write_photographs

pytestmark = pytest.mark.usefixtures("ray_session")


class Person:
    """Reads what commands print, without line breaks."""

    def __init__(self) -> None:
        self.console = Console(file=io.StringIO(), width=200)

    @property
    def read(self) -> str:
        file = self.console.file
        assert isinstance(file, io.StringIO)
        return " ".join(file.getvalue().split())


def job(folder: Path) -> JobConfig:
    return JobConfig(
        source=str(folder / "photos"),
        output=str(folder / "photos" / "out"),
        run=RunConfig(model="bicubic"),
        execution=ExecutionConfig(actors=2, shard_megapixels=1, shard_images=3),
    )


def test_a_folder_from_plan_to_report(tmp_path: Path) -> None:
    keys = write_photographs(tmp_path / "photos", 5)
    (tmp_path / "photos" / "notes.txt").write_text("no image")
    the_job, person = job(tmp_path), Person()

    show_plan(the_job, person.console, price_per_hour=2.5)
    assert "5 of 6 files" in person.read
    assert "unsupported_format" in person.read
    assert re.search(r"[\d.]+ MP/s per cpu actor", person.read)
    assert "at 2.5 per device hour" in person.read
    assert not Path(the_job.output).exists(), "a plan writes nothing"

    assert run_upscale(the_job, person.console) == 3
    assert "6 images: 5 ok, 1 failed (unsupported_format 1)" in person.read
    root = open_store(the_job.output)
    assert verify_run(root) == []
    page = (Path(the_job.output) / "report.html").read_text()
    assert all(key in page for key in keys)
    assert show_status(the_job.output, person.console) == 3
    assert show_verification(the_job.output, person.console) == 0

    # What came since is named, and taken in only on request; the run itself stays.
    write_photographs(tmp_path / "photos" / "later", 2, side=30)
    (tmp_path / "photos" / keys[0]).write_bytes((tmp_path / "photos" / keys[2]).read_bytes())
    (tmp_path / "photos" / keys[1]).unlink()
    again = Person()
    assert run_upscale(the_job, again.console) == 3
    assert "2 new since the plan (later/000.png, later/001.jpg)" in again.read
    assert f"1 changed since the plan ({keys[0]})" in again.read
    assert f"1 gone since the plan ({keys[1]})" in again.read
    assert pq.read_table(f"{the_job.output}/metrics").num_rows == 6
    assert run_upscale(the_job, Person().console, extend=True) == 3
    rows = pq.read_table(f"{the_job.output}/metrics").to_pylist()
    added = {row["key"]: row["status"] for row in rows if row["round"] == 1}
    assert added == {"later/000.png": "ok", "later/001.jpg": "ok"}
    assert verify_run(root) == []


def test_a_manifest_stands_for_its_source(tmp_path: Path) -> None:
    write_photographs(tmp_path / "photos", 3)
    manifest, person = tmp_path / "photos.parquet", Person()

    def make(sink: Path, since: list[str]) -> None:
        make_manifest(
            str(tmp_path / "photos"),
            sink,
            person.console,
            root=None,
            uri_column=None,
            reference_column=None,
            since=since,
        )

    make(manifest, [])
    assert "3 images" in person.read
    with pytest.raises(ConfigurationError, match="is not overwritten"):
        make(manifest, [])
    the_job = job(tmp_path).model_copy(
        update={"source": str(manifest), "output": str(tmp_path / "out")}
    )
    write_photographs(tmp_path / "photos" / "later", 1, side=30)
    assert run_upscale(the_job, person.console, report=False) == 0
    assert pq.read_table(tmp_path / "out/metrics").num_rows == 3

    increment = tmp_path / "increment.parquet"
    make(increment, [str(tmp_path / "out")])
    run = Ledger(open_store(str(tmp_path / "out"))).run()
    assert run is not None
    said = f"out: run {run.run_id}, model bicubic, scale 4, format source"
    assert said in person.read
    assert pq.read_table(increment).column("key").to_pylist() == ["later/000.png"]


def test_an_empty_source_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(ConfigurationError, match="holds no files"):
        run_upscale(job(tmp_path), Person().console)
    assert list((tmp_path / "photos").iterdir()) == []
