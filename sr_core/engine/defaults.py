"""Settings that a job leaves open: those of its run if it has begun, else those that suit it."""

from __future__ import annotations

from sr_core.archive.ledger.runs import RunRecord
from sr_core.config import JobConfig, RunConfig
from sr_core.models.catalogue import BASELINES, stated_scale
from sr_core.records import Precision

FORMER_DEFAULT_MODELS = ("srgan",)
"""Models that earlier versions used if none was named."""
FORMER_DEFAULT_SCALE = 4
"""Scale that earlier versions used for any checkpoint if none was given."""
PRECISION_OF_0_1_0: Precision = "half"
"""Precision of runs that version 0.1.0 began, whose records name none."""


def with_defaults(job: JobConfig, existing: RunRecord | None) -> JobConfig:
    """Settle what the job does not name, so that the same command resumes its run.

    - Model: of a run that began when another model was the default, that one.
    - Scale: that of a checkpoint that srfleet wrote, unless the run began when it was always 4.
    - Mark: none in a run that began when there was no such setting.
    - Precision: the run's; interpolation gets float32, anything else stays "auto". Version 0.1.0
      did not record a precision; it computed in half if the hardware had it.

    Args:
        job: the job as it was given.
        existing: the run on its root; None if there is none.
    """
    begun = {} if existing is None else existing.config
    run = job.run
    if "model" not in run.model_fields_set and begun.get("model") in FORMER_DEFAULT_MODELS:
        job = with_settings(job, model=begun["model"])
    if begun.get("scale") != FORMER_DEFAULT_SCALE:
        job = job.model_copy(update={"run": with_own_scale(job.run)})
    if existing is not None and "mark" not in begun and "mark" not in run.model_fields_set:
        job = with_settings(job, mark=False)
    if run.precision != "auto":
        return job
    if existing is not None:
        return with_settings(job, precision=begun.get("precision", PRECISION_OF_0_1_0))
    return with_settings(job, precision="float32") if job.run.model in BASELINES else job


def with_own_scale(run: RunConfig) -> RunConfig:
    """Return a configuration that names no scale with that of its checkpoint, if the file says."""
    stated = stated_scale(run.model)
    if stated not in (2, 4) or "scale" in run.model_fields_set:
        return run
    return run.model_copy(update={"scale": stated})


def with_settings(job: JobConfig, **settings: object) -> JobConfig:
    """Return a job with some settings of its run replaced."""
    return job.model_copy(update={"run": job.run.model_copy(update=settings)})
