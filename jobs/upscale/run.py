"""The driver of a run: begin or resume it, drive its rounds over the fleet, sum it up."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
import ray
from rich.console import Console

from jobs.cli.display import Display, outcome
from jobs.cli.exit_codes import ExitCode
from jobs.cluster.connect import Devices, actor_options, choose_devices, connected, room
from jobs.upscale.actors import SHARDS_PER_ACTOR, UpscaleActor
from jobs.upscale.fleet import Fleet
from jobs.upscale.plan import fleet_speed
from sr_core.archive.ledger.history import read_plan
from sr_core.archive.planning.plan import read_shard
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
from sr_core.records import Status


def upscale(
    job: JobConfig,
    console: Console,
    *,
    retry_failed: bool = False,
    extend: bool = False,
    report: bool = True,
) -> int:
    """Bring a run to its end, from wherever it stands.

    Args:
        job: what to do.
        console: where progress and outcome are shown.
        retry_failed: take the failed images up again in a further round.
        extend: take files that came to the source since in a further round.
        report: write the HTML report at the end.

    Returns:
        The exit code: 0, or 3 where images failed.

    Raises: ConfigurationError for a job that cannot run; RetryLaterError where it was stopped, or
        something is away.
    """
    run, manifest = open_run(job)
    if extend and run.source.manifest is not None:
        run.source.listed()  # says that a manifest is frozen, before anything is done
    console.print(f"run {run.record.run_id}: {run.source.store.uri} -> {run.ledger.store.uri}")
    if manifest is None and not (_pending(run) or retry_failed or extend):
        _tell_changes(run, console)
        _close_rounds(run)
        return _sum_up(run, console, report=report and not _has_report(run))
    try:
        with connected(job.execution):
            devices = choose_devices(job.execution)
            _check_root(run, console)
            if manifest is not None:
                put_plan(run, plan_round(run, manifest, 0, devices.actors, _speed(run, devices)))
            else:
                _tell_changes(run, console)
                run.ledger.store.remove_leftovers()  # of writers that died at least a day ago
            _drive(run, devices, console)
            # Not before: an image that a pending round is about to finish has not failed.
            if retry_failed:
                _further_round(run, devices, console, failed_images, "no image failed")
            if extend:
                _further_round(run, devices, console, added_images, "no files came to the source")
    except (KeyboardInterrupt, SystemExit) as interrupt:  # Ray makes SystemExit of SIGTERM
        raise RetryLaterError(_what_is_left(run)) from interrupt
    return _sum_up(run, console, report=report)


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


def _check_root(run: OpenRun, console: Console) -> None:
    if not run.ledger.store.refuses_overwrites():
        console.print(
            f"[yellow]warning:[/] {run.ledger.store.uri} does not honour conditional writes; run "
            "only one srfleet on it at a time"
        )


def _further_round(
    run: OpenRun,
    devices: Devices,
    console: Console,
    images: Callable[[OpenRun], pa.Table],
    nothing: str,
) -> None:
    """Plan and drive a round over some images; where another driver was first, look again."""
    while True:
        round_ = len(run.ledger.rounds())
        manifest = images(run)
        if not len(manifest):
            console.print(nothing)
            return
        plan = plan_round(run, manifest, round_, devices.actors, _speed(run, devices))
        ours = put_plan(run, plan)
        _drive(run, devices, console)
        if ours:
            return


def _speed(run: OpenRun, devices: Devices) -> Callable[[], float]:
    return fleet_speed(run.job, devices)


def _drive(run: OpenRun, devices: Devices, console: Console) -> None:
    """Bring every planned round to its end."""
    for round_, shards in _pending(run).items():
        _drive_round(run, round_, shards, devices, console)
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
    run: OpenRun, round_: int, shards: list[int], devices: Devices, console: Console
) -> None:
    progress = run.ledger.progress()
    done = progress.images - progress.images_left
    if done:
        console.print(f"{done} done, {progress.images_left} left")
    execution = run.job.execution
    make_actor = actor_factory(run, devices.device)
    fleet = Fleet(
        make_actor,
        lambda: execution.actors or room(execution, devices.device),
        lambda number, shard: read_shard(run.ledger.store, number, shard),
        node_wait_s=execution.node_wait_s,
    )
    with Display(console, progress.images, done, progress.megapixels_left) as display:
        for result in fleet.run(round_, shards):
            display.add(result)


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


def _tell_changes(run: OpenRun, console: Console) -> None:
    """Name what came to, changed in or went from the source since it was planned."""
    changes = source_changes(run)
    if changes is None:
        return
    for kind, found, remedy in (
        ("new", changes.new, "; --extend takes them in"),
        ("changed", changes.changed, "; their outputs stay those of the planned version"),
        ("gone", changes.gone, ""),
    ):
        if found.count:
            names = ", ".join(found.first_keys)
            more = ", ..." if found.count > len(found.first_keys) else ""
            console.print(
                f"source: {found.count} {kind} since the plan ({names}{more}){remedy}",
                markup=False,
                highlight=False,
            )


def _sum_up(run: OpenRun, console: Console, *, report: bool) -> int:
    progress = run.ledger.progress()
    console.print(
        f"{progress.images} images: {outcome(progress.statuses, progress.error_classes)}",
        markup=False,
        highlight=False,
    )
    if report:
        write_report(run.ledger.store, source=run.source.store)
        console.print(f"report: {run.ledger.store.uri}/report.html", markup=False)
    if not progress.statuses.get(Status.FAILED):
        return ExitCode.DONE
    console.print("the failed ones are named in the report; --retry-failed tries them again")
    return ExitCode.FAILED_IMAGES
