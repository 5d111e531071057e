"""A run at one moment: its record, rounds, commits and counts, read once and passed on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from sr_core.archive.ledger.history import (
    Part,
    list_parts,
    list_rounds,
    read_parts,
    read_plan,
)
from sr_core.archive.ledger.layout import success_name
from sr_core.archive.ledger.rounds import (
    STATE_COLUMNS,
    count_error_classes,
    count_salvaged,
    count_statuses,
    latest,
)
from sr_core.archive.ledger.runs import RunRecord
from sr_core.archive.schemas import METRICS_SCHEMA
from sr_core.archive.storage import Store
from sr_core.errors import ErrorClass
from sr_core.records import Status

_PLAN_COLUMNS = ("image_id", "shard", "output_width_px", "output_height_px")


@dataclass(frozen=True, slots=True)
class PlannedShard:
    """A shard of a plan. Images that are planned again in a later round count there, not here."""

    shard: int
    images: int
    megapixels: float
    """Output megapixels."""


@dataclass(frozen=True, slots=True, eq=False)
class RoundState:
    """A round: its shards in the order of the plan, its committed parts and their rows."""

    index: int
    shards: tuple[PlannedShard, ...]
    parts: tuple[Part, ...]
    rows: pa.Table
    """Committed rows, with STATE_COLUMNS."""
    is_closed: bool

    @property
    def committed(self) -> frozenset[int]:
        """Numbers of the committed shards."""
        return frozenset(part.shard for part in self.parts)

    @property
    def left(self) -> tuple[PlannedShard, ...]:
        """Shards that are not committed, in the order of the plan."""
        committed = self.committed
        return tuple(each for each in self.shards if each.shard not in committed)


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts of a run; `statuses` and `error_classes` count committed rows.

    `images_left` and `megapixels_left` are in shards that are not committed yet; an image that
    is planned again in a later round counts as failed and as left until that round commits it.
    """

    run: RunRecord
    rounds: int
    shards: int
    shards_left: int
    images: int
    images_left: int
    megapixels: float
    megapixels_left: float
    statuses: Mapping[Status, int]
    error_classes: Mapping[ErrorClass, int]
    salvaged: int
    """Images with an output of which only a part was decoded."""
    last_commit_at: datetime | None
    finished: bool

    @property
    def images_done(self) -> int:
        """Images in committed shards."""
        return self.images - self.images_left

    @property
    def shards_done(self) -> int:
        """Committed shards."""
        return self.shards - self.shards_left


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A run at one moment; about 50 bytes for each committed image."""

    record: RunRecord
    rounds: tuple[RoundState, ...]
    progress: Progress

    @property
    def parts(self) -> tuple[Part, ...]:
        """The committed parts of all rounds."""
        return tuple(part for each in self.rounds for part in each.parts)

    @property
    def pending(self) -> dict[int, list[int]]:
        """The uncommitted shards of each round that has any, in the order of the plan."""
        return {
            each.index: [shard.shard for shard in each.left] for each in self.rounds if each.left
        }

    def latest_rows(self) -> pa.Table:
        """Return the committed rows with STATE_COLUMNS, of each image those of its latest round."""
        return latest_rows(self.rounds)

    def failed_ids(self) -> pa.Array:
        """Return the ids of the images whose latest row is failed."""
        rows = self.latest_rows()
        failed = rows.filter(pc.equal(rows.column("status"), Status.FAILED.value))
        return failed.column("image_id").combine_chunks()

    def closed(self) -> Snapshot:
        """Return the snapshot with all rounds closed."""
        rounds = tuple(replace(each, is_closed=True) for each in self.rounds)
        return Snapshot(self.record, rounds, replace(self.progress, finished=bool(rounds)))


def read_snapshot(store: Store, record: RunRecord, earlier: Snapshot | None = None) -> Snapshot:
    """Read the state of a run.

    Plans and parts never change, so with an earlier snapshot only those that are new are read.

    Args:
        store: the root of the run.
        record: its record.
        earlier: a snapshot of the same run.

    Raises: DamagedError naming a plan or part that is damaged.
    """
    # In this order every committed shard has its plan, and every closed round all its commits.
    indices = list_rounds(store)
    closed = [store.head(success_name(index)) is not None for index in indices]
    parts = list_parts(store)
    if earlier is not None and len(earlier.rounds) == len(indices):
        shards = [each.shards for each in earlier.rounds]
    else:
        shards = _read_plans(store, indices)
    known = {each.index: each for each in earlier.rounds} if earlier else {}
    rounds = []
    for index in indices:
        of_round = tuple(part for part in parts if part.round_index == index)
        rows = _read_rows(store, of_round, known.get(index))
        rounds.append(RoundState(index, shards[index], of_round, rows, closed[index]))
    return Snapshot(record, tuple(rounds), _progress(record, rounds))


def latest_rows(rounds: Sequence[RoundState]) -> pa.Table:
    """Return the committed rows of rounds, of each image those of its latest round."""
    nothing = METRICS_SCHEMA.empty_table().select(list(STATE_COLUMNS)).replace_schema_metadata()
    return latest([nothing, *(each.rows for each in rounds)])


def _read_plans(store: Store, indices: Sequence[int]) -> list[tuple[PlannedShard, ...]]:
    seen = pa.array([], pa.string())
    shards: list[tuple[PlannedShard, ...]] = []
    for index in reversed(indices):
        plan = read_plan(store, index, _PLAN_COLUMNS)
        ids = plan.column("image_id")
        shards.insert(0, _shards(plan, pc.invert(pc.is_in(ids, value_set=seen))))
        seen = pa.concat_arrays([seen, *ids.chunks])
    return shards


def _shards(plan: pa.Table, counted: pa.ChunkedArray) -> tuple[PlannedShard, ...]:
    """Add up the images of each shard; `counted` picks them."""
    pixels = pc.multiply(plan.column("output_width_px"), plan.column("output_height_px"))
    sums = (
        pa.table({"shard": plan.column("shard"), "pixels": pixels})
        .filter(counted)
        .group_by("shard")
        .aggregate([([], "count_all"), ("pixels", "sum")])
        .to_pylist()
    )
    by_shard = {each["shard"]: each for each in sums}
    return tuple(
        PlannedShard(shard, found["count_all"], (found["pixels_sum"] or 0) / 1e6)
        if (found := by_shard.get(shard))
        else PlannedShard(shard, 0, 0.0)
        for shard in pc.unique(plan.column("shard")).to_pylist()
    )


def _read_rows(store: Store, parts: Sequence[Part], known: RoundState | None) -> pa.Table:
    keys = {part.key for part in known.parts} if known else set()
    new = read_parts(store, [part.key for part in parts if part.key not in keys], STATE_COLUMNS)
    return new if known is None else pa.concat_tables([known.rows, new]).combine_chunks()


def _progress(record: RunRecord, rounds: Sequence[RoundState]) -> Progress:
    rows = latest_rows(rounds)
    shards = [shard for each in rounds for shard in each.shards]
    left = [shard for each in rounds for shard in each.left]
    times = [part.modified_at for each in rounds for part in each.parts]
    return Progress(
        run=record,
        rounds=len(rounds),
        shards=len(shards),
        shards_left=len(left),
        images=sum(shard.images for shard in shards),
        images_left=sum(shard.images for shard in left),
        megapixels=sum(shard.megapixels for shard in shards),
        megapixels_left=sum(shard.megapixels for shard in left),
        statuses=count_statuses(rows),
        error_classes=count_error_classes(rows),
        salvaged=count_salvaged(rows),
        last_commit_at=max((time for time in times if time is not None), default=None),
        finished=bool(rounds) and rounds[-1].is_closed,
    )
