"""Driving frozen plans: the fleet processes every pending shard until it is committed."""

from __future__ import annotations

from jobs.cluster.connect import Devices, room
from jobs.upscale.fleet import Fleet
from jobs.upscale.observer import (
    ImagesFailed,
    RoundBegun,
    RoundFinished,
    RunObserver,
    ShardCommitted,
)
from jobs.upscale.proxy import actor_factory
from sr_core.archive.ledger.snapshot import Snapshot
from sr_core.archive.planning.plan_file import read_shard
from sr_core.engine.prepare import OpenRun


def open_fleet(run: OpenRun, devices: Devices, observer: RunObserver) -> Fleet:
    """Return a fleet for a run; its first round starts the actors."""
    execution = run.job.execution
    return Fleet(
        actor_factory(run, devices.device),
        lambda: execution.actors or room(execution, devices.device),
        lambda round_index, shard: read_shard(run.ledger.store, round_index, shard),
        observer,
        node_wait_s=execution.node_wait_s,
    )


def drive(run: OpenRun, state: Snapshot, fleet: Fleet, observer: RunObserver) -> Snapshot:
    """Process every pending shard of the frozen plans, and close their rounds.

    Args:
        run: the run.
        state: read after the plans were frozen.
        fleet: processes the shards.
        observer: receives events.

    Returns:
        The state afterwards.

    Raises: RetryLaterError if machines or storage stay unavailable; SrfleetError for errors that
        no retry can fix.
    """
    for round_index, shards in state.pending.items():
        progress = state.progress
        observer.observe(
            RoundBegun(
                round_index,
                len(shards),
                progress.images,
                progress.images_done,
                progress.megapixels_left,
            )
        )
        for result in fleet.run(round_index, shards):
            observer.observe(ShardCommitted(result))
            if result.failures:
                observer.observe(ImagesFailed(round_index, result.shard, result.failures))
        observer.observe(RoundFinished(round_index))
        state = run.ledger.snapshot(state)
    return run.ledger.close_rounds(state)
