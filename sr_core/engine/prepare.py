"""From a job to a run on its root: the manifest, run.json and the precision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from sr_core.archive.ledger.history import read_plan
from sr_core.archive.ledger.layout import RUN_KEY
from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.ledger.runs import RunRecord, identity, run_id_of
from sr_core.archive.ledger.versions import computing_versions
from sr_core.archive.source.manifest import manifest_digest
from sr_core.archive.source.opening import Source, open_source
from sr_core.archive.storage import Store, open_store
from sr_core.config import JobConfig
from sr_core.errors import ConfigurationError, RetryLaterError
from sr_core.metrics.registry import PROTOCOL_VERSION
from sr_core.models.catalogue import BASELINES, checkpoint_sha256, model_name
from sr_core.records import Precision, Status

# Files to look for before the whole source is taken to be missing.
WITNESSES = 20

PRECISION_OF_0_1_0: Precision = "half"
"""Precision of runs that version 0.1.0 began, whose records name none."""


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run with its stores. Its root holds it, or will with the first plan."""

    job: JobConfig
    source: Source
    ledger: Ledger
    record: RunRecord


def open_run(job: JobConfig) -> tuple[OpenRun, pa.Table | None]:
    """Find the run of a job on its root, or describe the one to begin. Nothing is written.

    Returns:
        The run, and its manifest if it has no plan yet.

    Raises: ConfigurationError if the root holds another run, or if there is nothing to upscale.
    """
    root = open_store(job.output)
    source = open_source(job.source, leave_out=[root.uri])
    ledger = Ledger(root)
    existing = ledger.run()
    job = _with_known_precision(job, existing)
    is_planned = bool(ledger.rounds())
    manifest = None
    if existing is None or not is_planned or source.manifest is not None:
        manifest = source.table()
        if not len(manifest):
            raise ConfigurationError(f"{job.source} holds no files")
        digest = manifest_digest(manifest)
    else:
        digest = existing.manifest_digest
    record = _record(job, source.store, digest, existing)
    if existing is not None:
        if not is_planned:
            _check_unplanned(ledger, existing, record)
        record = ledger.open_run(record)
    return OpenRun(job, source, ledger, record), None if is_planned else manifest


def decide_precision(run: OpenRun, precision: Precision) -> OpenRun:
    """Return a run that is about to begin with its precision, which is part of its run id."""
    record = replace(run.record, config=run.record.config | {"precision": precision})
    record = replace(record, run_id=identity(record))
    return replace(run, job=_with_precision(run.job, precision), record=record)


def _with_known_precision(job: JobConfig, existing: RunRecord | None) -> JobConfig:
    """Replace "auto" by the precision of the run, if it has begun; interpolation gets float32.

    Version 0.1.0 did not record a precision; it computed in half if the hardware had it.
    """
    if job.run.precision != "auto":
        return job
    if existing is not None:
        return _with_precision(job, existing.config.get("precision", PRECISION_OF_0_1_0))
    return _with_precision(job, "float32") if job.run.model in BASELINES else job


def _with_precision(job: JobConfig, precision: Precision) -> JobConfig:
    return job.model_copy(update={"run": job.run.model_copy(update={"precision": precision})})


def _check_unplanned(ledger: Ledger, existing: RunRecord, record: RunRecord) -> None:
    """Refuse to begin over a run that ended before its plan, if the source changed since."""
    same = replace(record, run_id=existing.run_id, manifest_digest=existing.manifest_digest)
    if existing.run_id != record.run_id and identity(same) == same.run_id:
        raise ConfigurationError(
            f"{ledger.store.uri} holds a run that was never planned, and its source has changed "
            f"since; nothing was upscaled yet: remove {ledger.store.uri}/{RUN_KEY} and start again"
        )


def _record(job: JobConfig, source: Store, digest: str, existing: RunRecord | None) -> RunRecord:
    # The folder of a checkpoint decides nothing; its hash does.
    config = job.run.model_dump(mode="json") | {"model": model_name(job.run.model)}
    begun_by_0_1_0 = existing is not None and "precision" not in existing.config
    if begun_by_0_1_0 and job.run.precision == PRECISION_OF_0_1_0:
        del config["precision"]  # the run id stays as it is
    checkpoint = checkpoint_sha256(job.run.model)
    return RunRecord(
        run_id=run_id_of(source.uri, config, digest, checkpoint, PROTOCOL_VERSION),
        source_uri=source.uri,
        config=config,
        manifest_digest=digest,
        checkpoint_sha256=checkpoint,
        metric_protocol=PROTOCOL_VERSION,
        versions=computing_versions(),
        created_at=datetime.now(UTC),
    )


def witness(run: OpenRun) -> str | None:
    """Return the key of a planned source that exists now; every machine must find it too.

    Raises: RetryLaterError if none of the first exists: then the source is missing.
    """
    planned = read_plan(run.ledger.store, 0, ["key", "status"])
    ok = planned.filter(pc.equal(planned["status"], Status.OK))
    keys = ok["key"].slice(0, WITNESSES).to_pylist()
    for key in keys:
        if run.source.store.head(key) is not None:
            return str(key)
    if keys:
        raise RetryLaterError(
            f"none of the first {len(keys)} planned files is in {run.source.store.uri}; mount or "
            "restore the source, then run the same command again"
        )
    return None
