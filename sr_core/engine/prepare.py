"""From a job to a run on its root: manifest, run.json, and the plans of its rounds."""

from __future__ import annotations

import io
import platform
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc

from sr_core.archive.ledger.history import read_plan
from sr_core.archive.ledger.layout import RUN_KEY
from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.ledger.runs import RunRecord, identity, run_id_of
from sr_core.archive.ledger.snapshot import Snapshot
from sr_core.archive.planning.outputs import costs_px, measure_sizes
from sr_core.archive.planning.plan import Plan, keys_of_others, make_plan, plan_bytes
from sr_core.archive.source.changes import (
    SourceChanges,
    compare_with_source,
    new_rows,
    planned_rows,
)
from sr_core.archive.source.manifest import manifest_digest, read_manifest, write_manifest
from sr_core.archive.source.opening import Source, open_source
from sr_core.archive.source.probing import probe_rows
from sr_core.archive.storage import Store, open_store
from sr_core.config import JobConfig
from sr_core.errors import ConfigurationError, RetryLaterError
from sr_core.metrics.registry import PROTOCOL_VERSION
from sr_core.models.catalogue import BASELINES, checkpoint_sha256, model_name
from sr_core.records import ManifestRow, Precision, Status

# A shard takes about this long on its device: long enough that its commit costs nothing, short
# enough that losing one costs little.
SHARD_SECONDS = 45.0
# Small archives are cut finer, so that every actor has several shards and the last one to finish
# does not keep the others waiting.
SHARDS_PER_ACTOR_AT_LEAST = 6

# Files that are looked for before the whole source is taken to be away.
WITNESSES = 20

PRECISION_OF_0_1_0: Precision = "half"
"""Precision of runs that version 0.1.0 began, whose records name none."""

_SOURCE_COLUMNS = ("image_id", "key", "size_bytes", "etag")


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run with its stores: one that holds its root, or that will with its first plan."""

    job: JobConfig
    source: Source
    ledger: Ledger
    record: RunRecord


def open_run(job: JobConfig) -> tuple[OpenRun, pa.Table | None]:
    """Find the run of a job on its root, or describe the one to begin. Nothing is written.

    Returns:
        The run, and its manifest where it has no plan yet.

    Raises: ConfigurationError if the root holds another run, or if there is nothing to upscale.
    """
    root = open_store(job.output)
    source = open_source(job.source, leave_out=[root.uri])
    ledger = Ledger(root)
    standing = ledger.run()
    job = _with_known_precision(job, standing)
    is_planned = bool(ledger.rounds())
    manifest = None
    if standing is None or not is_planned or source.manifest is not None:
        manifest = source.table()
        if not len(manifest):
            raise ConfigurationError(f"{job.source} holds no files")
        digest = manifest_digest(manifest)
    else:
        digest = standing.manifest_digest
    record = _record(job, source.store, digest, standing)
    if standing is not None:
        if not is_planned:
            _check_unplanned(ledger, standing, record)
        record = ledger.open_run(record)
    return OpenRun(job, source, ledger, record), None if is_planned else manifest


def decide_precision(run: OpenRun, precision: Precision) -> OpenRun:
    """Return a run that is about to begin with its precision, which is part of its run id."""
    record = replace(run.record, config=run.record.config | {"precision": precision})
    record = replace(record, run_id=identity(record))
    return replace(run, job=_with_precision(run.job, precision), record=record)


def _with_known_precision(job: JobConfig, standing: RunRecord | None) -> JobConfig:
    """Replace a precision of "auto" by the run's own, or for interpolation, which has none.

    A run of version 0.1.0 has none in its record; that version took half if it was native.
    """
    if job.run.precision != "auto":
        return job
    if standing is not None:
        return _with_precision(job, standing.config.get("precision", PRECISION_OF_0_1_0))
    return _with_precision(job, "float32") if job.run.model in BASELINES else job


def _with_precision(job: JobConfig, precision: Precision) -> JobConfig:
    return job.model_copy(update={"run": job.run.model_copy(update={"precision": precision})})


def _check_unplanned(ledger: Ledger, standing: RunRecord, record: RunRecord) -> None:
    """Say what to do where a run ended before its plan, and the source changed since."""
    same = replace(record, run_id=standing.run_id, manifest_digest=standing.manifest_digest)
    if standing.run_id != record.run_id and identity(same) == same.run_id:
        raise ConfigurationError(
            f"{ledger.store.uri} holds a run that was never planned, and its source has changed "
            f"since; nothing was upscaled yet: remove {ledger.store.uri}/{RUN_KEY} and start again"
        )


def _record(job: JobConfig, source: Store, digest: str, standing: RunRecord | None) -> RunRecord:
    # The folder of a checkpoint decides nothing; its hash does.
    config = job.run.model_dump(mode="json") | {"model": model_name(job.run.model)}
    begun_by_0_1_0 = standing is not None and "precision" not in standing.config
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
        versions={name: version(name) for name in ("srfleet", "ray", "torch", "numpy", "pillow")}
        | {"python": platform.python_version()},
        created_at=datetime.now(UTC),
    )


def plan_round(
    run: OpenRun, manifest: pa.Table, round_index: int, actors: int, speed: Callable[[], float]
) -> Plan:
    """Plan a round over manifest rows, with shards of a size that suits the fleet.

    Args:
        speed: measures the output megapixels per second of one actor; called where the
            configuration does not fix the size of shards.
    """
    job = run.job
    store = run.ledger.store
    columns = ["image_id", "size_bytes", "etag", "output_key"]
    earlier = [read_plan(store, each, columns) for each in range(round_index)]
    taken = keys_of_others(earlier, manifest)

    def plan(megapixels: float) -> Plan:
        return make_plan(
            manifest,
            run=job.run,
            shard_megapixels=megapixels,
            shard_images=job.execution.shard_images,
            round_index=round_index,
            taken_keys=taken,
        )

    if job.execution.shard_megapixels is not None:
        return plan(job.execution.shard_megapixels)
    total = float(costs_px(manifest, measure_sizes(manifest, job.run), job.run).sum()) / 1e6
    fair = total / (actors * SHARDS_PER_ACTOR_AT_LEAST)
    return plan(max(0.001, min(speed() * SHARD_SECONDS, fair)))


def put_plan(run: OpenRun, plan: Plan) -> bool:
    """Freeze a plan; with the first one the run begins to hold its root.

    Returns:
        False: another driver has frozen this round before, and that plan holds.

    Raises: ValueError if the precision of the run is not decided yet.
    """
    if run.job.run.precision == "auto":
        raise ValueError("a run cannot begin before its precision is decided")
    run.ledger.open_run(run.record)
    return run.ledger.put_plan(plan.round_index, plan_bytes(plan, run.record.run_id))


def witness(run: OpenRun) -> str | None:
    """Name a planned source that can be seen now, for machines to prove that they see it too.

    Raises: RetryLaterError where none of the first can be seen: then the source is not there.
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
            "restore the source, then start the same command again"
        )
    return None


def source_changes(run: OpenRun, state: Snapshot) -> SourceChanges | None:
    """Compare the source as it is listed now with what is planned; None for a frozen manifest."""
    if run.source.manifest is not None:
        return None
    return compare_with_source(planned_rows(_plans(run, state)), run.source.listed())


def added_images(run: OpenRun, state: Snapshot) -> pa.Table:
    """Return the manifest of the files that came to the source since it was planned."""
    rows = new_rows(planned_rows(_plans(run, state)), run.source.listed())
    return _as_manifest(run, probe_rows(run.source.store, rows))


def failed_images(run: OpenRun, state: Snapshot) -> pa.Table:
    """Return the manifest of the images that failed, with their sources as they are now."""
    failed = run.ledger.failed_images(state)
    rows = (
        ManifestRow(image_id, key, reference_key=reference)
        for image_id, key, reference in sorted(
            zip(
                *(failed.column(name).to_pylist() for name in ("image_id", "key", "reference_key")),
                strict=True,
            ),
            key=lambda row: cast(str, row[1]),
        )
    )
    return _as_manifest(run, probe_rows(run.source.store, rows))


def _plans(run: OpenRun, state: Snapshot) -> list[pa.Table]:
    store = run.ledger.store
    return [read_plan(store, each.index, _SOURCE_COLUMNS) for each in state.rounds]


def _as_manifest(run: OpenRun, rows: object) -> pa.Table:
    buffer = io.BytesIO()
    write_manifest(rows, buffer, run.source.store.uri)  # type: ignore[arg-type]
    buffer.seek(0)
    return read_manifest(buffer)
