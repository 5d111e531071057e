"""Planning and driving as two steps: approval between them, and one fleet for all rounds."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from jobs.upscale.observer import (
    ActorStarted,
    ImagesFailed,
    RoundBegun,
    RoundFinished,
    RoundNotNeeded,
    RoundPlanned,
    RunOpened,
    ShardCommitted,
    SourceChanged,
)
from jobs.upscale.plan import PlannedRun, plan_run
from jobs.upscale.run import upscale
from sr_core.archive.storage import open_store
from sr_core.audit.verify.checks import verify_run
from sr_core.config import ExecutionConfig, JobConfig, RunConfig
from sr_core.errors import ConfigurationError, ErrorClass
from tests.support.events import Events
from tests.support.photographs import write_photographs

pytestmark = pytest.mark.usefixtures("ray_session")


@pytest.fixture
def job(tmp_path: Path) -> JobConfig:
    """Create a job of four photographs and a broken file, for one actor."""
    write_photographs(tmp_path / "photos", 4)
    (tmp_path / "photos/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and nothing more")
    return JobConfig(
        source=str(tmp_path / "photos"),
        output=str(tmp_path / "out"),
        run=RunConfig(model="nearest", measure=False),
        execution=ExecutionConfig(actors=1, shard_images=2, node_wait_s=60),
    )


def test_the_rounds_of_a_command_share_their_actors(job: JobConfig, tmp_path: Path) -> None:
    # Sizes of shards depend on the speed here, which is measured before actors hold the cores.
    events = Events()
    outcome = upscale(job, events, report=False)
    assert outcome.images_failed == 1
    assert len(events.of(ActorStarted)) == 1
    write_photographs(tmp_path / "photos/later", 2, side=30)
    again = Events()
    outcome = upscale(job, again, retry_failed=True, extend=True, report=False)
    assert [event.round_index for event in again.of(RoundFinished)] == [1, 2]
    assert len(again.of(ActorStarted)) == 1, "the second round reuses the actor of the first"
    assert (outcome.images, outcome.images_failed) == (7, 1)
    rounds = pq.read_table(tmp_path / "out/metrics").column("round").to_pylist()
    assert sorted(rounds) == [0] * 5 + [1] + [2] * 2
    assert verify_run(open_store(job.output)) == []


def test_an_observer_sees_a_run_in_order(job: JobConfig, tmp_path: Path) -> None:
    events = Events()
    outcome = upscale(job, events, retry_failed=True, report=False)
    kinds = [type(event) for event in events.seen if not isinstance(event, ActorStarted)]
    assert kinds[:3] == [RunOpened, RoundPlanned, RoundBegun]
    begun = [event.round_index for event in events.of(RoundBegun)]
    assert begun == [event.round_index for event in events.of(RoundPlanned)] == [0, 1]
    assert kinds[-1] is RoundFinished
    committed = [event.result for event in events.of(ShardCommitted)]
    assert sum(sum(each.statuses.values()) for each in committed) == 6, "one of them twice"
    assert [event.error_classes for event in events.of(ImagesFailed)] == [
        {ErrorClass.DECODE: 1}
    ] * 2
    assert outcome.run_id == events.of(RunOpened)[0].run_id
    (tmp_path / "photos/broken.png").unlink()
    again = Events()
    upscale(job, again, extend=True, report=False)
    assert [type(event) for event in again.seen] == [RunOpened, SourceChanged, RoundNotNeeded]


def test_a_plan_that_is_refused_writes_nothing(job: JobConfig) -> None:
    def refuse(planned: PlannedRun) -> None:
        raise ConfigurationError(f"{planned.estimate().device_s:.3f} s are over the budget")

    with pytest.raises(ConfigurationError, match="over the budget"):
        upscale(job, Events(), approve=refuse)
    assert not Path(job.output).exists()


def test_every_round_is_approved_before_it_is_frozen(job: JobConfig) -> None:
    seen = []

    def note(planned: PlannedRun) -> None:
        plans = sorted(path.name for path in Path(job.output).glob("plan*.parquet"))
        seen.append((planned.summary.images, planned.estimate().device_s > 0, plans))

    upscale(job, Events(), retry_failed=True, report=False, approve=note)
    assert seen == [(4, True, []), (0, False, ["plan.parquet"])]


def test_what_is_left_is_planned_and_estimated(job: JobConfig, tmp_path: Path) -> None:
    whole = plan_run(job)
    assert (whole.summary.images, whole.summary.rows) == (4, 5)
    upscale(job, Events(), report=False)
    committed = sorted((tmp_path / "out/metrics").iterdir())
    lost = pq.read_table(committed[0]).num_rows
    committed[0].unlink()
    left = plan_run(job)
    (pending,) = left.rounds
    assert (pending.round_index, pending.shards, pending.plan) == (0, (0,), None)
    assert left.summary.rows == lost
    assert left.estimate().device_s > 0
    assert left.summary.output_megapixels < whole.summary.output_megapixels
