"""One image of a run, made again on this machine without Ray."""

from __future__ import annotations

from jobs.upscale.repair import repair_job
from sr_core.archive.ledger.runs import RunRecord
from sr_core.archive.storage import open_store
from sr_core.engine.prepare import open_run
from sr_core.engine.replay import Replay, replay
from sr_core.engine.stages import Stages
from sr_core.inference.upscaler import open_upscaler
from sr_core.models.catalogue import scales_by_model
from sr_core.records import MetricsRow, PlannedImage


def replay_image(
    root: str,
    record: RunRecord,
    planned: PlannedImage,
    row: MetricsRow,
    model: str | None,
    device: str,
    engine: str | None,
) -> Replay:
    """Make an output again with the weights of its run, and compare it with the stored one.

    Args:
        root: address of the run.
        record: its record.
        planned: the image as it was planned.
        row: its row, which names engine and precision unless the output was adopted.
        model: path of the checkpoint, for a run with the user's own weights.
        device: "cpu" or "cuda".
        engine: library that computes the network; None for that of the row.

    Raises: ConfigurationError if the weights or the source are not those of the run.
    """
    config = record.config | ({} if model is None else {"model": model})
    is_signed = record.config.get("signed") is True
    run, _ = open_run(repair_job(root, config, record.source_uri), signs=is_signed)
    library = (row.engine or "auto").partition(",")[0].partition("-")[0]
    upscaler = open_upscaler(
        run.job.run.model,
        device=device,
        precision=run.job.run.precision,
        engine=engine or library,
        scales=scales_by_model(run.checkpoints),
    )
    stages = Stages(
        open_store(record.source_uri),
        run.ledger.store,
        record.run_id,
        run.job.run,
        upscaler,
        deadline_s=run.job.execution.image_deadline_s,
        checkpoints=run.checkpoints,
    )
    return replay(stages, run.job.run, planned, row)
