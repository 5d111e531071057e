"""Rounds of a run: closing records, counts, and which round counts for an image."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from sr_core.archive.storage import check_key
from sr_core.errors import NOT_PHOTOGRAPHS, DamagedError, ErrorClass, ImageError
from sr_core.records import Status

STATE_COLUMNS = ("image_id", "round", "status", "error_class", "decoded_share")
"""Columns of the metrics table that record how an image ended."""

_JSON_NAMES = {"round_index": "round"}


@dataclass(frozen=True, slots=True)
class Success:
    """The closing record of a round (_SUCCESS.json): every shard of its plan is committed."""

    run_id: str
    round_index: int
    shards: int
    images: int
    statuses: dict[Status, int]
    error_classes: dict[ErrorClass, int]
    finished_at: datetime
    root_hash: str | None = None
    """Hash of `digests` (sr_core.archive.ledger.chain); None in records of version 0.1.0."""
    digests: dict[str, str] = field(default_factory=dict)
    """SHA-256 by key of the objects of the round and of the closing record before it."""


def summarise(run_id: str, round_index: int, shards: int, rows: pa.Table) -> Success:
    """Count how the images of a round ended.

    Args:
        run_id: id of the run.
        round_index: index of the round.
        shards: number of shards in its plan.
        rows: its committed rows, with STATE_COLUMNS.
    """
    return Success(
        run_id=run_id,
        round_index=round_index,
        shards=shards,
        images=rows.num_rows,
        statuses=count_statuses(rows),
        error_classes=count_error_classes(rows),
        finished_at=datetime.now(UTC),
    )


def success_to_json(success: Success) -> bytes:
    """Write the contents of _SUCCESS.json."""
    content = asdict(success) | {"finished_at": success.finished_at.isoformat()}
    content = {_JSON_NAMES.get(name, name): value for name, value in content.items()}
    return (json.dumps(content, indent=2) + "\n").encode()


def success_from_json(data: bytes) -> Success:
    """Read the contents of _SUCCESS.json.

    Raises: DamagedError if the file is damaged.
    """
    try:
        content = json.loads(data)
        content["round_index"] = content.pop("round")
        content["finished_at"] = datetime.fromisoformat(content["finished_at"])
        content["statuses"] = {Status(k): int(v) for k, v in content["statuses"].items()}
        classes = content["error_classes"].items()
        content["error_classes"] = {ErrorClass(name): int(count) for name, count in classes}
        for key, digest in content.get("digests", {}).items():
            check_key(key)
            bytes.fromhex(digest)
        return Success(**content)
    except (ValueError, TypeError, KeyError, AttributeError, ImageError) as error:
        raise DamagedError(f"the closing record of a round is not readable: {error}") from error


def latest(by_round: Sequence[pa.Table]) -> pa.Table:
    """Keep, of each image, the row of its latest round.

    Args:
        by_round: one table per round, earliest first; image_id is unique within each.
    """
    seen = pa.array([], pa.string())
    kept: list[pa.Table] = []
    for table in reversed(by_round):
        ids = table.column("image_id")
        # Without a later round nothing is left out, and a copy would double the memory.
        fresh = table.filter(pc.invert(pc.is_in(ids, value_set=seen))) if len(seen) else table
        kept.insert(0, fresh)
        seen = pa.concat_arrays([seen, *ids.chunks])
    return pa.concat_tables(kept)


def contradiction(status: str, error_class: str | None) -> str | None:
    """Describe the contradiction between a status and an error class; None if there is none."""
    if status == Status.OK and error_class is not None:
        return f"it is ok with error class {error_class}"
    if status == Status.FAILED and error_class is None:
        return "it is failed without an error class"
    if status == Status.FAILED and error_class in NOT_PHOTOGRAPHS:
        return f"it is failed with class {error_class}, which is one of skipped files"
    if status == Status.SKIPPED and error_class not in NOT_PHOTOGRAPHS:
        return f"it is skipped with class {error_class}, which is not one of skipped files"
    return None


def count_statuses(rows: pa.Table) -> dict[Status, int]:
    """Count rows by status."""
    return {Status(value): count for value, count in _counts(rows.column("status"))}


def count_error_classes(rows: pa.Table) -> dict[ErrorClass, int]:
    """Count rows by error class; rows without one are left out."""
    return {ErrorClass(value): count for value, count in _counts(rows.column("error_class"))}


def count_salvaged(rows: pa.Table) -> int:
    """Count rows of images with an output of which only a part was decoded."""
    salvaged = pc.and_(
        pc.equal(rows.column("status"), Status.OK.value), pc.less(rows.column("decoded_share"), 1)
    )
    return pc.sum(salvaged).as_py() or 0


def _counts(column: pa.ChunkedArray) -> list[tuple[str, int]]:
    pairs = pc.value_counts(column.drop_null()).to_pylist()
    return sorted((pair["values"], pair["counts"]) for pair in pairs)
