"""Settings that a job leaves open: those of its run if it has begun, else those that suit it."""

from __future__ import annotations

from collections.abc import Mapping

from sr_core.archive.ledger.runs import RunRecord
from sr_core.config import JobConfig, RunConfig
from sr_core.models.catalogue import BASELINES, model_name, stated_scale

FORMER_DEFAULT_MODELS = ("srgan",)
"""Models that earlier versions used if none was named."""
FORMER_DEFAULT_SCALE = 4
"""Scale that earlier versions used for any checkpoint if none was given."""
FORMER_SETTINGS: Mapping[str, object] = {
    "precision": "half",  # if the hardware had it
    "bitonal": "grey",
    "salvage": False,
    "sidecars": False,
    "mark": False,
    "trust": "basic",
}
"""Settings of runs that began before there were such settings, whose records do not name them."""


def with_defaults(job: JobConfig, existing: RunRecord | None) -> JobConfig:
    """Settle what the job does not name, so that the same command resumes its run.

    - Model: of a run that began when another model was the default, that one.
    - Scale: that of a checkpoint that srfleet wrote, unless the run began when it was always 4.
    - Settings that are newer than the run: FORMER_SETTINGS.
    - Precision: the run's; interpolation gets float32, anything else stays "auto".

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
    former = _former(existing)
    unnamed = former.keys() - run.model_fields_set - {"precision"}
    job = with_settings(job, **{name: former[name] for name in unnamed})
    if run.precision != "auto":
        return job
    if existing is not None:
        return with_settings(job, precision=(former | begun)["precision"])
    return with_settings(job, precision="float32") if job.run.model in BASELINES else job


def recorded_settings(run: RunConfig, existing: RunRecord | None) -> dict[str, object]:
    """Return the settings that the record of a run names.

    Those that are newer than the run are left out unless they change it, so that its id stays.
    """
    # The folder of a checkpoint decides nothing; its hash does.
    config = run.model_dump(mode="json") | {"model": model_name(run.model)}
    former = _former(existing)
    return {
        name: value for name, value in config.items() if name not in former or value != former[name]
    }


def _former(existing: RunRecord | None) -> dict[str, object]:
    """Return the settings that the record of a run is too old to name."""
    if existing is None:
        return {}
    return {name: value for name, value in FORMER_SETTINGS.items() if name not in existing.config}


def with_own_scale(run: RunConfig) -> RunConfig:
    """Return a configuration that names no scale with that of its checkpoint, if the file says."""
    stated = stated_scale(run.model)
    if stated not in (2, 4) or "scale" in run.model_fields_set:
        return run
    return run.model_copy(update={"scale": stated})


def with_settings(job: JobConfig, **settings: object) -> JobConfig:
    """Return a job with some settings of its run replaced."""
    return job.model_copy(update={"run": job.run.model_copy(update=settings)})
