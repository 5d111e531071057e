"""The driver of a run: begin or resume it, drive its rounds over the fleet, sum it up."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
import ray

from jobs.cluster.connect import Devices, actor_options, choose_devices, connected, room
from jobs.upscale.actors import SHARDS_PER_ACTOR, UpscaleActor
from jobs.upscale.fleet import Fleet
from jobs.upscale.observer import (
    ImagesFailed,
    RoundBegun,
    RoundFinished,
    RoundNotNeeded,
    RoundPlanned,
    RunObserver,
    RunOpened,
    RunOutcome,
    ShardCommitted,
    SourceChanged,
    Warned,
)
from jobs.upscale.speed import fleet_speed
from sr_core.archive.ledger.history import read_plan
from sr_core.archive.planning.plan import Plan, read_shard
from sr_core.archive.source.changes import Change
from sr_core.audit.report.report import REPORT_KEY, write_report
from sr_core.config import ExecutionConfig, JobConfig
from sr_core.engine.prepare import (
    OpenRun,
    added_images,
    failed_images,
    open_run,
    plan_round,
    put_plan,
    source_changes,
    witness,
)
from sr_core.errors import RetryLaterError


def upscale(
    job: JobConfig,
    observer: RunObserver,
    *,
    retry_failed: bool = False,
    extend: bool = False,
    report: bool = True,
) -> RunOutcome:
    """Begin a run, or resume it, and bring it to its end.

    Args:
        job: source, root, configuration and execution.
        observer: receives the events of the run.
        retry_failed: process the failed images again in a further round.
        extend: process files that came to the source since it was planned in a further round.
        report: write the HTML report at the end.

    Raises: ConfigurationError for a job that cannot run; RetryLaterError if the run was stopped or
        something it needs is unavailable.
    """
    run, manifest = open_run(job)
    if extend and run.source.manifest is not None:
        run.source.listed()  # says that a manifest is frozen, before anything is done
    observer.observe(RunOpened(run.record.run_id, run.source.store.uri, run.ledger.store.uri))
    if manifest is None and not (_pending(run) or retry_failed or extend):
        _observe_changes(run, observer)
        _close_rounds(run)
        return _sum_up(run, report=report and not _has_report(run))
    try:
        with connected(job.execution):
            devices = choose_devices(job.execution)
            _check_root(run, observer)
            if manifest is not None:
                _freeze(
                    run,
                    plan_round(run, manifest, 0, devices.actors, _speed(run, devices)),
                    observer,
                )
            else:
                _observe_changes(run, observer)
                run.ledger.remove_leftovers()  # of writers that died at least a day ago
            _drive(run, devices, observer)
            # Not before: an image that a pending round is about to finish has not failed.
            if retry_failed:
                _further_round(run, devices, observer, failed_images, "no image failed")
            if extend:
                _further_round(run, devices, observer, added_images, "no files came to the source")
    except (KeyboardInterrupt, SystemExit) as interrupt:  # Ray makes SystemExit of SIGTERM
        raise RetryLaterError(_what_is_left(run)) from interrupt
    return _sum_up(run, report=report)


def _freeze(run: OpenRun, plan: Plan, observer: RunObserver) -> bool:
    """Freeze a plan; False if another driver has frozen this round before."""
    ours = put_plan(run, plan)
    observer.observe(RoundPlanned(plan.round, plan.shards, plan.summary.images))
    return ours


def _pending(run: OpenRun) -> dict[int, list[int]]:
    """Return the shards of each round that are not committed, in the order of the plan."""
    pending = {}
    for round_ in run.ledger.rounds():
        shards = pc.unique(read_plan(run.ledger.store, round_, ["shard"]).column(0)).to_pylist()
        committed = run.ledger.committed(round_)
        left = [shard for shard in shards if shard not in committed]
        if left:
            pending[round_] = left
    return pending


def _check_root(run: OpenRun, observer: RunObserver) -> None:
    if not run.ledger.store.refuses_overwrites():
        observer.observe(
            Warned(
                f"{run.ledger.store.uri} does not honour conditional writes; run only one srfleet "
                "on it at a time"
            )
        )


def _further_round(
    run: OpenRun,
    devices: Devices,
    observer: RunObserver,
    images: Callable[[OpenRun], pa.Table],
    nothing: str,
) -> None:
    """Plan and drive a round over some images; where another driver was first, look again."""
    while True:
        round_ = len(run.ledger.rounds())
        manifest = images(run)
        if not len(manifest):
            observer.observe(RoundNotNeeded(nothing))
            return
        plan = plan_round(run, manifest, round_, devices.actors, _speed(run, devices))
        ours = _freeze(run, plan, observer)
        _drive(run, devices, observer)
        if ours:
            return


def _speed(run: OpenRun, devices: Devices) -> Callable[[], float]:
    return fleet_speed(run.job, devices)


def _drive(run: OpenRun, devices: Devices, observer: RunObserver) -> None:
    """Bring every planned round to its end."""
    for round_, shards in _pending(run).items():
        _drive_round(run, round_, shards, devices, observer)
    _close_rounds(run)


def _close_rounds(run: OpenRun) -> None:
    for round_ in run.ledger.rounds():
        run.ledger.finish_round(round_)


def _has_report(run: OpenRun) -> bool:
    return run.ledger.store.head(REPORT_KEY) is not None


def _what_is_left(run: OpenRun) -> str:
    if not run.ledger.rounds():
        return "stopped before anything was planned; the same command starts again"
    progress = run.ledger.progress()
    done = progress.images - progress.images_left
    return f"{done} done, {progress.images_left} left; the same command goes on from there"


def _drive_round(
    run: OpenRun, round_: int, shards: list[int], devices: Devices, observer: RunObserver
) -> None:
    progress = run.ledger.progress()
    done = progress.images - progress.images_left
    observer.observe(
        RoundBegun(round_, len(shards), progress.images, done, progress.megapixels_left)
    )
    execution = run.job.execution
    make_actor = actor_factory(run, devices.device)
    fleet = Fleet(
        make_actor,
        lambda: execution.actors or room(execution, devices.device),
        lambda number, shard: read_shard(run.ledger.store, number, shard),
        observer,
        node_wait_s=execution.node_wait_s,
    )
    for result in fleet.run(round_, shards):
        observer.observe(ShardCommitted(result))
        if result.failures:
            observer.observe(ImagesFailed(result.round, result.shard, result.failures))
    observer.observe(RoundFinished(round_))


def actor_factory(run: OpenRun, device: str) -> Callable[[], object]:
    """Return how to create an actor for a run."""
    execution: ExecutionConfig = run.job.execution
    remote = ray.remote(UpscaleActor).options(
        **actor_options(execution, device),
        max_concurrency=SHARDS_PER_ACTOR,
        max_restarts=0,
        max_task_retries=0,
    )
    record = run.record
    seen = witness(run)

    def make() -> object:
        return remote.remote(
            record.source_uri,
            run.ledger.store.uri,
            record.run_id,
            run.job.run,
            execution,
            device,
            record.checkpoint_sha256,
            seen,
        )

    return make


def _observe_changes(run: OpenRun, observer: RunObserver) -> None:
    """Compare the source as it is now with what was planned."""
    changes = source_changes(run)
    if changes is None:
        return
    for change, found in (
        (Change.NEW, changes.new),
        (Change.CHANGED, changes.changed),
        (Change.GONE, changes.gone),
    ):
        if found.count:
            observer.observe(SourceChanged(change, found.count, tuple(found.first_keys)))


def _sum_up(run: OpenRun, *, report: bool) -> RunOutcome:
    progress = run.ledger.progress()
    store = run.ledger.store
    if report:
        write_report(store, source=run.source.store)
    return RunOutcome(
        run.record.run_id,
        store.uri,
        progress.images,
        progress.statuses,
        progress.error_classes,
        f"{store.uri}/{REPORT_KEY}" if report else None,
    )
