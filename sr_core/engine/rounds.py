"""The rounds of a run: pending shards, and plans of the first and of further rounds."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc

from sr_core.archive.ledger.history import manifest_rows_of, read_plan
from sr_core.archive.ledger.snapshot import Snapshot
from sr_core.archive.planning.outputs import costs_px, measure_sizes
from sr_core.archive.planning.plan import (
    Plan,
    keys_of_others,
    make_plan,
    replaced_keys,
    sidecar_keys,
)
from sr_core.archive.planning.plan_file import plan_bytes
from sr_core.archive.planning.summary import SUMMARY_COLUMNS, PlanSummary, summarise
from sr_core.archive.source.changes import (
    SourceChanges,
    compare_with_source,
    new_rows,
    planned_rows,
)
from sr_core.archive.source.manifest import read_manifest, write_manifest
from sr_core.archive.source.probing import probe_rows
from sr_core.archive.source.selection import skip_by_name
from sr_core.engine.prepare import OpenRun
from sr_core.errors import ErrorClass
from sr_core.records import ManifestRow, Status

# A shard takes about this long on its device: long enough that its commit costs nothing, short
# enough that losing one costs little.
SHARD_SECONDS = 45.0
# Small archives are cut finer, so that every actor has several shards and the last one to finish
# does not keep the others waiting.
SHARDS_PER_ACTOR_AT_LEAST = 6

_SOURCE_COLUMNS = ("image_id", "key", "size_bytes", "etag", "status")
_TAKEN_COLUMNS = ("image_id", "key", "size_bytes", "etag", "error_class", "output_key", "sidecars")


@dataclass(frozen=True, slots=True, eq=False)
class PlannedRound:
    """The shards of one round that are not committed yet, in the order of its plan."""

    round_index: int
    shards: tuple[int, ...]
    summary: PlanSummary
    """Counts and sizes of these shards alone."""
    plan: Plan | None
    """The plan to freeze; None if the root holds it already."""

    @classmethod
    def of(cls, plan: Plan) -> PlannedRound:
        """Return all shards of a plan that is not frozen yet."""
        return cls(plan.round_index, tuple(range(plan.shards)), plan.summary, plan)


@dataclass(frozen=True, slots=True, eq=False)
class FurtherImages:
    """The manifest of a further round."""

    manifest: pa.Table
    taken_keys: frozenset[str] = frozenset()
    """Keys of damaged objects, which its outputs may not have: they are never overwritten."""


def plan_round(
    run: OpenRun,
    manifest: pa.Table,
    round_index: int,
    actors: int,
    speed: Callable[[], float],
    taken_keys: Collection[str] = (),
) -> Plan:
    """Plan a round over manifest rows, with shards of a size that suits the fleet.

    Nothing is written.

    Args:
        run: the run.
        manifest: the rows to plan.
        round_index: number of the round; earlier ones are frozen on the root.
        actors: number of actors that will share the shards.
        speed: measures the output megapixels per second of one actor; called only if the
            configuration does not fix the size of shards.
        taken_keys: further keys that no output and no copy of a sidecar may have.
    """
    job = run.job
    store = run.ledger.store
    earlier = [read_plan(store, each, _TAKEN_COLUMNS) for each in range(round_index)]
    taken = keys_of_others(earlier, manifest) | replaced_keys(earlier) | {*taken_keys}
    sidecars = [key for plan in earlier for key in sidecar_keys(plan)]
    if job.execution.shard_megapixels is not None:
        megapixels = job.execution.shard_megapixels
    else:
        costs = costs_px(manifest, measure_sizes(manifest, job.run), job.run)
        fair = float(costs.sum()) / 1e6 / (actors * SHARDS_PER_ACTOR_AT_LEAST)
        megapixels = max(0.001, min(speed() * SHARD_SECONDS, fair))
    return make_plan(
        manifest,
        run=job.run,
        shard_megapixels=megapixels,
        shard_images=job.execution.shard_images,
        round_index=round_index,
        taken_keys=taken,
        sidecars=sidecars,
    )


def put_plan(run: OpenRun, plan: Plan) -> bool:
    """Freeze a plan; the first one also writes the record of the run into its root.

    Returns:
        False if another driver froze this round before; then its plan is used.

    Raises: ValueError if the precision of the run is not decided yet.
    """
    if run.job.run.precision == "auto":
        raise ValueError("a run cannot begin before its precision is decided")
    run.ledger.open_run(run.record)
    return run.ledger.put_plan(plan.round_index, plan_bytes(plan, run.record.run_id))


def pending_rounds(run: OpenRun, state: Snapshot) -> tuple[PlannedRound, ...]:
    """Return the frozen rounds with shards that are not committed, earliest first."""
    return tuple(
        PlannedRound(index, tuple(shards), _summarise_shards(run, index, shards), None)
        for index, shards in state.pending.items()
    )


def source_changes(run: OpenRun, state: Snapshot) -> SourceChanges | None:
    """Compare the source with what is planned; None for a manifest, which is frozen."""
    if run.source.manifest is not None:
        return None
    return compare_with_source(planned_rows(_plans(run, state)), run.source.listed())


def added_images(run: OpenRun, state: Snapshot) -> pa.Table:
    """Return the manifest of the files added to the source since it was planned.

    It is empty if none of them is, or should be, a photograph.
    """
    rows = new_rows(planned_rows(_plans(run, state)), run.source.listed())
    manifest = _as_manifest(run, probe_rows(run.source.store, rows))
    all_skipped = pc.all(pc.equal(manifest["status"], Status.SKIPPED)).as_py()
    return manifest.slice(0, 0) if all_skipped else manifest


def planned_images(run: OpenRun, state: Snapshot, image_ids: Collection[str]) -> pa.Table:
    """Return the manifest of some images, with their sources as they were planned last."""
    ids = pa.array(sorted(image_ids), pa.string())
    rows = manifest_rows_of(run.ledger.store, len(state.rounds), ids).sort_by("key")
    return rows.replace_schema_metadata()


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
    named = skip_by_name(rows, run.source.choice)  # earlier versions had fewer rules
    return _as_manifest(run, probe_rows(run.source.store, named))


def _summarise_shards(run: OpenRun, round_index: int, shards: Sequence[int]) -> PlanSummary:
    planned = read_plan(
        run.ledger.store, round_index, SUMMARY_COLUMNS, pc.field("shard").isin(shards)
    )
    too_large = planned.filter(pc.equal(planned["error_class"], ErrorClass.TOO_LARGE))
    return summarise(
        planned,
        len(shards),
        renamed=(),  # names are chosen once, when a round is planned
        over_limit=too_large["key"].to_pylist(),
        model=run.job.run.model,
    )


def _plans(run: OpenRun, state: Snapshot) -> list[pa.Table]:
    store = run.ledger.store
    return [read_plan(store, each.index, _SOURCE_COLUMNS) for each in state.rounds]


def _as_manifest(run: OpenRun, rows: Iterable[ManifestRow]) -> pa.Table:
    buffer = io.BytesIO()
    write_manifest(rows, buffer, run.source.store.uri)
    buffer.seek(0)
    return read_manifest(buffer)
