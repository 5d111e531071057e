"""A whole run in this process: what driver and actors do, shard after shard, without Ray."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sr_core.archive.storage import Store, open_store
from sr_core.config import JobConfig
from sr_core.engine import prepare
from sr_core.engine.prepare import OpenRun, failed_images, open_run, plan_round, put_plan
from sr_core.engine.shard import ShardWorker
from sr_core.engine.stages import Stages
from sr_core.inference.upscaler import Upscaler, open_upscaler


def run_here(
    job: JobConfig,
    attempt: str = "attempt",
    *,
    watch: Callable[[Store], Store] = lambda store: store,
    upscaler: Upscaler | None = None,
    io_threads: int = 1,
    budget_megapixels: float = 10,
) -> None:
    """Bring a run to its end from wherever it stands.

    Args:
        job: with shard_megapixels.
        attempt: name of the attempt.
        watch: wraps the store of the root, for all its uses.
        upscaler: instead of the job's model.
        io_threads: of each direction; one keeps the storage calls in order.
        budget_megapixels: of all images that are decoded at one time.
    """
    run = plan_here(job, watch=watch)
    worker = ShardWorker(
        run.ledger.store,
        stages(job, run, upscaler),
        io_threads=io_threads,
        budget_megapixels=budget_megapixels,
        worker="test",
    )
    for round_index, shards in run.ledger.snapshot().pending.items():
        for shard in shards:
            worker.process(round_index, shard, attempt)
    run.ledger.close_rounds(run.ledger.snapshot())


def plan_here(job: JobConfig, *, watch: Callable[[Store], Store] = lambda store: store) -> OpenRun:
    """Begin a run and freeze its plan, or find both; no image is touched."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            prepare,
            "open_store",
            lambda uri: watch(open_store(uri)) if uri == job.output else open_store(uri),
        )
        run, manifest = open_run(job)
    if manifest is not None:
        put_plan(run, plan_round(run, manifest, 0, 1, lambda: 1.0))
    return run


def plan_retry_here(job: JobConfig) -> None:
    """Plan a further round of the images that failed, which `run_here` then brings to its end."""
    run = plan_here(job)
    state = run.ledger.snapshot()
    put_plan(run, plan_round(run, failed_images(run, state), len(state.rounds), 1, lambda: 1.0))


def stages(job: JobConfig, run: OpenRun, upscaler: Upscaler | None = None) -> Stages:
    """Make what an actor does with each image."""
    return Stages(
        open_store(run.record.source_uri),
        run.ledger.store,
        run.record.run_id,
        job.run,
        upscaler or open_upscaler(job.run.model),
        deadline_s=job.execution.image_deadline_s,
    )
