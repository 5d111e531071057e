"""The driver of a run: begin or resume it, drive its rounds over the fleet, sum it up."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
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
from jobs.upscale.speed import fleet_precision, fleet_speed
from sr_core.archive.ledger.snapshot import Progress, Snapshot
from sr_core.archive.planning.plan import Plan, read_shard
from sr_core.archive.source.changes import Change
from sr_core.audit.report.report import REPORT_KEY, write_report
from sr_core.config import ExecutionConfig, JobConfig
from sr_core.engine.prepare import (
    OpenRun,
    added_images,
    decide_precision,
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
    if run.job.run.precision != "auto":
        observer.observe(_opened(run))
    state = run.ledger.snapshot() if manifest is None else None
    if state is not None and not (state.pending or retry_failed or extend):
        _observe_changes(run, state, observer)
        state = run.ledger.close_rounds(state)
        return _sum_up(run, state, report=report and not _has_report(run))
    try:
        with connected(job.execution):
            devices = choose_devices(job.execution)
            _check_root(run, observer)
            if run.job.run.precision == "auto":
                run = decide_precision(run, fleet_precision(job, devices))
                observer.observe(_opened(run))
            if manifest is not None:
                _freeze(
                    run,
                    plan_round(run, manifest, 0, devices.actors, _speed(run, devices)),
                    observer,
                )
            elif state is not None:
                _observe_changes(run, state, observer)
                run.ledger.remove_leftovers()  # of writers that died at least a day ago
            state = _drive(run, state or run.ledger.snapshot(), devices, observer)
            # Not before: an image that a pending round is about to finish has not failed.
            if retry_failed:
                state = _further_round(
                    run, state, devices, observer, failed_images, "no image failed"
                )
            if extend:
                state = _further_round(
                    run, state, devices, observer, added_images, "no files came to the source"
                )
    except (KeyboardInterrupt, SystemExit) as interrupt:  # Ray makes SystemExit of SIGTERM
        raise RetryLaterError(_what_is_left(run, state)) from interrupt
    return _sum_up(run, state, report=report)


def _opened(run: OpenRun) -> RunOpened:
    return RunOpened(run.record.run_id, run.source.store.uri, run.ledger.store.uri)


def _freeze(run: OpenRun, plan: Plan, observer: RunObserver) -> bool:
    """Freeze a plan; False if another driver has frozen this round before."""
    ours = put_plan(run, plan)
    observer.observe(RoundPlanned(plan.round_index, plan.shards, plan.summary.images))
    return ours


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
    state: Snapshot,
    devices: Devices,
    observer: RunObserver,
    images: Callable[[OpenRun, Snapshot], pa.Table],
    nothing: str,
) -> Snapshot:
    """Plan and drive a round over some images; if another driver was first, look again.

    Returns:
        The state of the run after it.
    """
    while True:
        manifest = images(run, state)
        if not len(manifest):
            observer.observe(RoundNotNeeded(nothing))
            return state
        plan = plan_round(run, manifest, len(state.rounds), devices.actors, _speed(run, devices))
        ours = _freeze(run, plan, observer)
        state = _drive(run, run.ledger.snapshot(state), devices, observer)
        if ours:
            return state


def _speed(run: OpenRun, devices: Devices) -> Callable[[], float]:
    return fleet_speed(run.job, devices)


def _drive(run: OpenRun, state: Snapshot, devices: Devices, observer: RunObserver) -> Snapshot:
    """Bring every planned round to its end, and return the state of the run after it."""
    for round_index, shards in state.pending.items():
        _drive_round(run, state.progress, round_index, shards, devices, observer)
        state = run.ledger.snapshot(state)
    return run.ledger.close_rounds(state)


def _has_report(run: OpenRun) -> bool:
    return run.ledger.store.head(REPORT_KEY) is not None


def _what_is_left(run: OpenRun, state: Snapshot | None) -> str:
    if not run.ledger.rounds():
        return "stopped before anything was planned; the same command starts again"
    progress = run.ledger.snapshot(state).progress
    return (
        f"{progress.images_done} done, {progress.images_left} left; the same command goes on from "
        "there"
    )


def _drive_round(
    run: OpenRun,
    progress: Progress,
    round_index: int,
    shards: list[int],
    devices: Devices,
    observer: RunObserver,
) -> None:
    observer.observe(
        RoundBegun(
            round_index,
            len(shards),
            progress.images,
            progress.images_done,
            progress.megapixels_left,
        )
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
    for result in fleet.run(round_index, shards):
        observer.observe(ShardCommitted(result))
        if result.failures:
            observer.observe(ImagesFailed(result.round, result.shard, result.failures))
    observer.observe(RoundFinished(round_index))


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


def _observe_changes(run: OpenRun, state: Snapshot, observer: RunObserver) -> None:
    """Compare the source as it is now with what was planned."""
    changes = source_changes(run, state)
    if changes is None:
        return
    for change, found in (
        (Change.NEW, changes.new),
        (Change.CHANGED, changes.changed),
        (Change.GONE, changes.gone),
    ):
        if found.count:
            observer.observe(SourceChanged(change, found.count, tuple(found.first_keys)))


def _sum_up(run: OpenRun, state: Snapshot, *, report: bool) -> RunOutcome:
    progress = state.progress
    store = run.ledger.store
    if report:
        write_report(store, source=run.source.store, state=state)
    return RunOutcome(
        run.record.run_id,
        store.uri,
        progress.images,
        progress.statuses,
        progress.error_classes,
        f"{store.uri}/{REPORT_KEY}" if report else None,
    )
