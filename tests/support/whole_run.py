"""A whole run in this process: the work of driver and actors, shard by shard, without Ray."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sr_core.archive.storage import Store, open_store
from sr_core.config import JobConfig
from sr_core.engine import prepare
from sr_core.engine.prepare import OpenRun, decide_precision, open_run
from sr_core.engine.rounds import failed_images, plan_round, put_plan
from sr_core.engine.shard import ShardWorker
from sr_core.engine.signing import Signer
from sr_core.engine.stages import Stages
from sr_core.inference.device_model import device_model
from sr_core.inference.engines import preferred_precision
from sr_core.inference.twins import Twins
from sr_core.inference.upscaled import Upscaler
from sr_core.inference.upscaler import open_upscaler
from sr_core.models.catalogue import scales_by_model


def run_here(
    job: JobConfig,
    attempt: str = "attempt",
    *,
    watch: Callable[[Store], Store] = lambda store: store,
    upscaler: Upscaler | None = None,
    io_threads: int = 1,
    budget_megapixels: float = 10,
) -> None:
    """Start or resume a run and finish it.

    Args:
        job: a job with shard_megapixels.
        attempt: name of the attempt.
        watch: wraps the root's store for all its uses.
        upscaler: used instead of the job's model.
        io_threads: threads per direction; one keeps the storage calls in order.
        budget_megapixels: megapixels of all images decoded at one time.
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
    """Open a run and freeze its plan, unless both exist; no image is processed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            prepare,
            "open_store",
            lambda uri: watch(open_store(uri)) if uri == job.output else open_store(uri),
        )
        run, manifest = open_run(job)
    if run.job.run.precision == "auto":
        run = decide_precision(run, preferred_precision("cpu"))
    if manifest is not None:
        put_plan(run, plan_round(run, manifest, 0, 1, lambda: 1.0))
    return run


def plan_retry_here(job: JobConfig) -> None:
    """Plan another round of the failed images, for `run_here` to finish."""
    run = plan_here(job)
    state = run.ledger.snapshot()
    put_plan(run, plan_round(run, failed_images(run, state), len(state.rounds), 1, lambda: 1.0))


def stages(job: JobConfig, run: OpenRun, upscaler: Upscaler | None = None) -> Stages:
    """Build the stages of an actor."""
    return Stages(
        open_store(run.record.source_uri),
        run.ledger.store,
        run.record.run_id,
        run.job.run,
        upscaler
        or open_upscaler(
            run.job.run.model,
            precision=run.job.run.precision,
            scales=scales_by_model(run.checkpoints),
        ),
        deadline_s=job.execution.image_deadline_s,
        checkpoints=run.checkpoints,
        device_model=device_model("cpu"),
        keep_times=job.execution.times == "source",
        twins=Twins(open_upscaler),
        signer=None if job.execution.c2pa_sign is None else Signer(*job.execution.c2pa_sign),
    )
