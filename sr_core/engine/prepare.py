"""From a job to a run on its root: the manifest, run.json and the precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from sr_core.archive.ledger.history import read_plan
from sr_core.archive.ledger.layout import RUN_KEY
from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.ledger.rounds import count_error_classes
from sr_core.archive.ledger.runs import RunRecord, identity
from sr_core.archive.ledger.versions import computing_versions
from sr_core.archive.source.manifest import digest_in_key_order, manifest_digest
from sr_core.archive.source.opening import Source, open_source
from sr_core.archive.source.selection import Choice, Tally
from sr_core.archive.source.skipped import listed
from sr_core.archive.storage import Store, open_store
from sr_core.config import JobConfig, RunConfig
from sr_core.engine.defaults import recorded_settings, with_defaults, with_settings
from sr_core.errors import ConfigurationError, RetryLaterError
from sr_core.metrics.registry import CONTINUED_PROTOCOLS, PROTOCOL_VERSION
from sr_core.models.catalogue import (
    AUTO,
    Checkpoint,
    all_checkpoints,
    model_name,
    used_checkpoints,
)
from sr_core.models.choice import RULE_VERSION
from sr_core.records import LeftOut, Precision, Status

# Files to look for before the whole source is taken to be missing.
WITNESSES = 20


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run with its stores. Its root holds it, or will with the first plan."""

    job: JobConfig
    source: Source
    ledger: Ledger
    record: RunRecord
    checkpoints: tuple[Checkpoint, ...]
    """Checkpoints that the run may use; none for interpolation."""
    left_out: LeftOut = field(default_factory=LeftOut)
    """Files that patterns left out when the source was listed; none if it was not."""


def open_run(job: JobConfig, *, signs: bool | None = None) -> tuple[OpenRun, pa.Table | None]:
    """Find the run of a job on its root, or describe the one to begin. Nothing is written.

    Args:
        job: the job.
        signs: True if the outputs of the run are signed; None if the job's certificate says so.

    Returns:
        The run, and its manifest if it has no plan yet.

    Raises: ConfigurationError if the root holds another run, or if there is nothing to upscale.
    """
    root = open_store(job.output)
    choice = Choice.of(job.include, job.exclude)
    source = open_source(job.source, leave_out=[root.uri], choice=choice)
    ledger = Ledger(root)
    existing = ledger.run()
    job = with_defaults(job, existing)
    is_planned = bool(ledger.rounds())
    manifest, left_out = None, LeftOut()
    if existing is None or not is_planned or source.manifest is not None:
        tally = Tally()
        manifest = source.table(tally)
        left_out = choice.left_out(tally)
        _check_photographs(job.source, manifest, left_out)
        digest = _digest(manifest, existing)
    else:
        digest = existing.manifest_digest
    checkpoints = _checkpoints(job.run, existing)
    signs = job.execution.c2pa_sign is not None if signs is None else signs
    record = _record(job, source.store, digest, existing, checkpoints, signs=signs)
    if existing is not None:
        if not is_planned:
            _check_unplanned(ledger, existing, record)
        record = ledger.open_run(record)
    run = OpenRun(job, source, ledger, record, checkpoints, left_out)
    return run, None if is_planned else manifest


def _check_photographs(source: str, manifest: pa.Table, left_out: LeftOut) -> None:
    """Refuse a source without any file that is, or should be, a photograph."""
    taken = manifest.filter(pc.not_equal(manifest["status"], Status.SKIPPED))
    if len(taken):
        return
    others = [listed(count_error_classes(manifest))] if len(manifest) else []
    if left_out.files:
        others.append(f"{left_out.files} files left out by patterns")
    holds = f"no photographs: {', '.join(others)}" if others else "no files"
    raise ConfigurationError(f"{source} holds {holds}")


def decide_precision(run: OpenRun, precision: Precision) -> OpenRun:
    """Return a run that is about to begin with its precision, which is part of its run id."""
    record = replace(run.record, config=run.record.config | {"precision": precision})
    record = replace(record, run_id=identity(record))
    return replace(run, job=with_settings(run.job, precision=precision), record=record)


def _digest(manifest: pa.Table, existing: RunRecord | None) -> str:
    """Return the digest of a manifest; its rows may have another order than that of their keys.

    A run of version 0.1.0 has the digest of the rows in their own order.
    """
    if existing is not None and existing.manifest_digest == (own := manifest_digest(manifest)):
        return own
    return digest_in_key_order(manifest)


def _checkpoints(config: RunConfig, existing: RunRecord | None) -> tuple[Checkpoint, ...]:
    """Return the checkpoints of a run: those that it began with, if they are all still here.

    A model may have gained a network for another scale since.
    """
    if existing is not None and existing.config.get("model") == model_name(config.model):
        hashes = existing.checkpoint_hashes
        known = tuple(each for each in all_checkpoints(config.model) if each.sha256 in hashes)
        if len(known) == len(hashes):
            return known
    return used_checkpoints(config.model, config.scale, config.target)


def _check_unplanned(ledger: Ledger, existing: RunRecord, record: RunRecord) -> None:
    """Refuse to begin over a run that ended before its plan, if the source changed since."""
    same = replace(record, run_id=existing.run_id, manifest_digest=existing.manifest_digest)
    if existing.run_id != record.run_id and identity(same) == same.run_id:
        raise ConfigurationError(
            f"{ledger.store.uri} holds a run that was never planned, and its source has changed "
            f"since; nothing was upscaled yet: remove {ledger.store.uri}/{RUN_KEY} and start again"
        )


def _record(
    job: JobConfig,
    source: Store,
    digest: str,
    existing: RunRecord | None,
    checkpoints: Sequence[Checkpoint],
    *,
    signs: bool,
) -> RunRecord:
    config = recorded_settings(job.run, existing)
    if signs:
        config["signed"] = True  # a run is signed as a whole, with whichever certificate
    several = len(checkpoints) > 1
    record = RunRecord(
        run_id="",
        source_uri=source.uri,
        config=config,
        manifest_digest=digest,
        checkpoint_sha256=checkpoints[0].sha256 if len(checkpoints) == 1 else None,
        metric_protocol=_protocol(existing),
        versions=computing_versions(),
        created_at=datetime.now(UTC),
        checkpoints={
            f"{model_name(each.model)} x{each.scale}": each.sha256
            for each in (checkpoints if several else ())
        },
        model_rule=RULE_VERSION if job.run.model == AUTO else None,
    )
    return replace(record, run_id=identity(record))


def _protocol(existing: RunRecord | None) -> str:
    """Return the metric protocol of a run: the one that it began with, if it can be continued."""
    if existing is not None and existing.metric_protocol in CONTINUED_PROTOCOLS:
        return existing.metric_protocol
    return PROTOCOL_VERSION


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
