"""Actors that die, fail to start or are killed by an image: no image is lost or done twice."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from typing import Protocol

import pyarrow.parquet as pq
import pytest

from jobs.upscale import proxy
from jobs.upscale.actors import ActorReport, UpscaleActor
from jobs.upscale.observer import RunOutcome
from jobs.upscale.run import upscale
from sr_core.archive.storage import open_store
from sr_core.audit.verify.checks import verify_run
from sr_core.config import ExecutionConfig, JobConfig, RunConfig
from sr_core.errors import RetryLaterError
from tests.faults.faulty_actors import (
    failing_to_start,
    killed_at_write,
    killed_by,
    out_of_memory_for,
)
from tests.support.events import Events
from tests.support.photographs import write_photographs

pytestmark = [pytest.mark.usefixtures("ray_session"), pytest.mark.slow]

IMAGES = 9


@pytest.fixture
def job(tmp_path: Path) -> JobConfig:
    """Create a job of nine images in shards of up to three, on one actor, so that this one dies."""
    write_photographs(tmp_path / "photos", IMAGES)
    return JobConfig(
        source=str(tmp_path / "photos"),
        output=str(tmp_path / "out"),
        run=RunConfig(model="nearest"),
        execution=ExecutionConfig(actors=1, shard_megapixels=1, shard_images=3, node_wait_s=60),
    )


class Run(Protocol):
    """A function that runs the job with another actor class."""

    def __call__(
        self, actor: type[UpscaleActor], execution: ExecutionConfig | None = None
    ) -> RunOutcome: ...


@pytest.fixture
def run(job: JobConfig, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs the job with another actor class."""

    def run_with(actor: type[UpscaleActor], execution: ExecutionConfig | None = None) -> RunOutcome:
        monkeypatch.setattr(proxy, "UpscaleActor", actor)
        the_job = job.model_copy(update={"execution": execution or job.execution})
        return upscale(the_job, Events(), report=False)

    return run_with


def rows(job: JobConfig) -> list[dict[str, object]]:
    """Check every promise of the run in its storage, and return its rows."""
    assert verify_run(open_store(job.output)) == []
    return pq.read_table(f"{job.output}/metrics").to_pylist()


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("write", [1, 2, 3, 4, 6])
def test_an_actor_killed_at_a_write_costs_nothing(
    job: JobConfig, run: Run, tmp_path: Path, write: int, moment: str
) -> None:
    fuse = tmp_path / "fuse"
    assert not run(killed_at_write(fuse, write, moment)).images_failed
    assert fuse.exists()
    found = rows(job)
    assert Counter(row["status"] for row in found) == {"ok": IMAGES}


def test_outputs_of_a_dead_actor_are_adopted(job: JobConfig, run: Run, tmp_path: Path) -> None:
    # After the third write three images exist; no shard is committed, or just one.
    assert not run(killed_at_write(tmp_path / "fuse", 3, "after")).images_failed
    adopted = [row for row in rows(job) if row["adopted"]]
    assert adopted
    assert all(row["upscale_ms"] is None for row in adopted)
    assert all(row["output_sha256"] for row in adopted)


@pytest.mark.parametrize("actors", [1, 2])
def test_an_image_that_kills_becomes_a_row_and_its_neighbours_are_done(
    job: JobConfig, run: Run, actors: int
) -> None:
    # Two actors occupy both cores of this Ray; the one that isolates the image must get a core.
    execution = job.execution.model_copy(update={"actors": actors})
    assert run(killed_by("004.png"), execution).images_failed
    found = {row["key"]: row for row in rows(job)}
    assert found["004.png"]["error_class"] == "worker_crash"
    assert found["004.png"]["output_key"] is None
    assert sum(row["status"] == "ok" for row in found.values()) == IMAGES - 1


def test_several_images_that_kill_become_a_row_each(job: JobConfig, run: Run) -> None:
    assert run(killed_by("000.png", "001.jpg", "002.png")).images_failed
    found = {row["key"] for row in rows(job) if row["error_class"] == "worker_crash"}
    assert found == {"000.png", "001.jpg", "002.png"}


def test_failed_images_are_tried_again_in_a_further_round(
    job: JobConfig, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(out_of_memory_for("001.jpg", "005.jpg")).images_failed
    failed = {row["key"]: row for row in rows(job) if row["status"] == "failed"}
    assert {row["error_class"] for row in failed.values()} == {"out_of_memory"}
    assert set(failed) == {"001.jpg", "005.jpg"}
    monkeypatch.setattr(proxy, "UpscaleActor", UpscaleActor)
    assert not upscale(job, Events(), retry_failed=True, report=False).images_failed
    again = [row for row in rows(job) if row["round"] == 1]
    assert {row["key"]: row["status"] for row in again} == {"001.jpg": "ok", "005.jpg": "ok"}


@pytest.mark.parametrize("die", [False, True])
def test_an_actor_that_cannot_start_once_is_replaced(
    job: JobConfig, run: Run, tmp_path: Path, die: bool
) -> None:
    assert not run(failing_to_start(tmp_path, 1, die=die)).images_failed
    assert len(rows(job)) == IMAGES


def test_actors_that_never_start_end_the_run_with_the_reason(
    job: JobConfig, run: Run, tmp_path: Path
) -> None:
    with pytest.raises(RetryLaterError, match=r"no actor can start.*the device is on fire"):
        run(failing_to_start(tmp_path, 99, die=False))
    assert not run(UpscaleActor).images_failed
    assert len(rows(job)) == IMAGES


def test_a_finished_run_started_again_writes_nothing(job: JobConfig, run: Run) -> None:
    assert not run(UpscaleActor).images_failed
    root = Path(job.output)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    assert not run(UpscaleActor).images_failed
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_a_run_whose_closing_record_is_missing_is_closed_by_the_next_start(
    job: JobConfig, run: Run
) -> None:
    assert not run(UpscaleActor).images_failed
    closing = Path(job.output) / "_SUCCESS.json"
    closing.unlink()  # as if the driver had died just before writing it
    assert not run(UpscaleActor).images_failed
    assert closing.exists()
    assert len(rows(job)) == IMAGES


def test_a_source_that_is_away_condemns_no_image(job: JobConfig, run: Run, tmp_path: Path) -> None:
    with pytest.raises(RetryLaterError, match="no actor can start"):
        run(failing_to_start(tmp_path, 99, die=False))
    (tmp_path / "photos").rename(tmp_path / "away")
    (tmp_path / "photos").mkdir()  # the mount point of a disk that is not mounted
    with pytest.raises(RetryLaterError, match="none of the first 9 planned files"):
        run(UpscaleActor)
    (tmp_path / "photos").rmdir()
    (tmp_path / "away").rename(tmp_path / "photos")
    assert not run(UpscaleActor).images_failed
    assert len(rows(job)) == IMAGES


def test_no_machine_for_too_long_ends_the_run(job: JobConfig, run: Run) -> None:
    never = job.execution.model_copy(update={"node_wait_s": 1.0})

    class NeverReady(UpscaleActor):
        def start(self) -> ActorReport:
            threading.Event().wait()
            raise AssertionError

    with pytest.raises(RetryLaterError, match="no machine could run an actor for 1 s"):
        run(NeverReady, never)
    assert not run(UpscaleActor).images_failed
