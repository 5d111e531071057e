"""What the plans and committed parts of a run say together: counts, progress, the latest round."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from sr_core.archive.ledger.runs import RunRecord
from sr_core.archive.tables import PLAN_SCHEMA
from sr_core.errors import DamagedError, ErrorClass
from sr_core.records import Status

PLAN_COLUMNS = ("image_id", "shard", "output_width_px", "output_height_px")
"""What progress needs of a plan."""
STATE_COLUMNS = ("image_id", "round", "status", "error_class")
"""What says how an image ended."""


@dataclass(frozen=True, slots=True)
class Success:
    """The closing record of a round (_SUCCESS.json): every shard of its plan is committed."""

    run_id: str
    round: int
    shards: int
    images: int
    statuses: dict[Status, int]
    error_classes: dict[ErrorClass, int]
    finished_at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands. Counts of `statuses` and `error_classes` are of committed rows.

    `images_left` and `megapixels_left` are in shards that are not committed yet; an image that a
    later round takes up again counts as failed and as left until that round commits it.
    """

    run: RunRecord
    rounds: int
    shards: int
    shards_left: int
    images: int
    images_left: int
    megapixels: float
    megapixels_left: float
    statuses: dict[Status, int]
    error_classes: dict[ErrorClass, int]
    last_commit_at: datetime | None
    finished: bool


@dataclass(frozen=True, slots=True)
class Round:
    """A round as read from storage: its plan (PLAN_COLUMNS), and the shards that are committed."""

    number: int
    plan: pa.Table
    committed: frozenset[int]


def success_to_json(success: Success) -> bytes:
    """Write a closing record as it stands in _SUCCESS.json."""
    content = asdict(success) | {"finished_at": success.finished_at.isoformat()}
    return (json.dumps(content, indent=2) + "\n").encode()


def success_from_json(data: bytes) -> Success:
    """Read a closing record.

    Raises: DamagedError where the file is damaged.
    """
    try:
        content = json.loads(data)
        content["finished_at"] = datetime.fromisoformat(content["finished_at"])
        content["statuses"] = {Status(k): int(v) for k, v in content["statuses"].items()}
        classes = content["error_classes"].items()
        content["error_classes"] = {ErrorClass(name): int(count) for name, count in classes}
        return Success(**content)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DamagedError(f"the closing record of a round cannot be read: {error}") from error


def latest(by_round: Sequence[pa.Table]) -> pa.Table:
    """Keep the rows of the latest round that names an image.

    Args:
        by_round: one table a round, earliest first, each with a column image_id that is unique
            within the round.
    """
    seen = pa.array([], pa.string())
    kept: list[pa.Table] = []
    for table in reversed(by_round):
        ids = table.column("image_id")
        fresh = pc.invert(pc.is_in(ids, value_set=seen))
        kept.insert(0, table.filter(fresh))
        seen = pa.concat_arrays([seen, *ids.chunks])
    return pa.concat_tables(kept)


def contradiction(status: str, error_class: str | None) -> str | None:
    """Say how a status contradicts its error class; None where it does not."""
    if status == Status.OK and error_class is not None:
        return f"it is ok with error class {error_class}"
    if status == Status.FAILED and error_class is None:
        return "it is failed without an error class"
    return None


def count_statuses(rows: pa.Table) -> dict[Status, int]:
    """Count rows by status."""
    return {Status(value): count for value, count in _counts(rows.column("status"))}


def count_error_classes(rows: pa.Table) -> dict[ErrorClass, int]:
    """Count rows by error class, leaving out those without one."""
    return {ErrorClass(value): count for value, count in _counts(rows.column("error_class"))}


def describe_progress(
    run: RunRecord,
    rounds: Sequence[Round],
    rows: pa.Table,
    *,
    last_commit_at: datetime | None,
    finished: bool,
) -> Progress:
    """Add up where a run stands.

    Args:
        run: the run.
        rounds: its rounds, earliest first.
        rows: the latest committed rows, with STATE_COLUMNS.
        last_commit_at: when the newest part was written.
        finished: whether its last round is closed.
    """
    nothing = Round(0, PLAN_SCHEMA.empty_table().select(list(PLAN_COLUMNS)), frozenset())
    planned = latest([_with_committed(each) for each in [nothing, *rounds]])
    left = planned.filter(pc.invert(planned.column("committed")))
    shards = [pc.count_distinct(each.plan.column("shard")).as_py() for each in rounds]
    return Progress(
        run=run,
        rounds=len(rounds),
        shards=sum(shards),
        shards_left=sum(shards) - sum(len(each.committed) for each in rounds),
        images=planned.num_rows,
        images_left=left.num_rows,
        megapixels=_megapixels(planned),
        megapixels_left=_megapixels(left),
        statuses=count_statuses(rows),
        error_classes=count_error_classes(rows),
        last_commit_at=last_commit_at,
        finished=finished,
    )


def _with_committed(each: Round) -> pa.Table:
    shards = pa.array(sorted(each.committed), pa.int64())
    committed = pc.is_in(each.plan.column("shard"), value_set=shards)
    return each.plan.append_column("committed", committed).replace_schema_metadata()


def _megapixels(planned: pa.Table) -> float:
    pixels = pc.multiply(planned.column("output_width_px"), planned.column("output_height_px"))
    return (pc.sum(pixels).as_py() or 0) / 1e6


def _counts(column: pa.ChunkedArray) -> list[tuple[str, int]]:
    pairs = pc.value_counts(column.drop_null()).to_pylist()
    return sorted((pair["values"], pair["counts"]) for pair in pairs)
