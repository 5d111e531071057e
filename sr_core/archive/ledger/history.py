"""Reading what a root holds: plans, committed parts, and what they say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sr_core.archive.ledger.layout import (
    METRICS_PREFIX,
    parse_part_name,
    part_name,
    plan_name,
    success_name,
)
from sr_core.archive.ledger.rounds import (
    PLAN_COLUMNS,
    STATE_COLUMNS,
    Progress,
    Round,
    Success,
    count_error_classes,
    count_statuses,
    describe_progress,
    latest,
)
from sr_core.archive.ledger.runs import RunRecord
from sr_core.archive.storage import Store
from sr_core.archive.tables import MANIFEST_SCHEMA, METRICS_SCHEMA, UNREADABLE
from sr_core.errors import DamagedError, RetryLaterError
from sr_core.parallel import map_in_order
from sr_core.records import Status

_READERS = 8
"""Parts that are read at once."""


@dataclass(frozen=True, slots=True)
class Part:
    """A committed part: the object whose existence commits a shard."""

    round: int
    shard: int
    key: str
    modified_at: datetime | None


def list_rounds(store: Store) -> list[int]:
    """List the rounds that have a plan."""
    found: list[int] = []
    while store.head(plan_name(len(found))) is not None:
        found.append(len(found))
    return found


def list_parts(store: Store) -> list[Part]:
    """List the committed parts of all rounds, by one listing."""
    named = ((parse_part_name(info.key), info) for info in store.list(METRICS_PREFIX))
    return [Part(*place, info.key, info.modified_at) for place, info in named if place is not None]


def read_plan(
    store: Store, round_number: int, columns: Sequence[str], rows: pc.Expression | None = None
) -> pa.Table:
    """Read some columns of a plan, of all rows or of those that an expression picks.

    Raises: DamagedError where the plan is damaged.
    """
    key = plan_name(round_number)
    try:
        with store.arrow_file(key) as file:
            return pq.read_table(
                file, columns=list(columns), filters=rows, page_checksum_verification=True
            )
    except UNREADABLE as error:
        raise DamagedError(f"{key} is not a table that can be read: {error}") from error


def read_part(store: Store, key: str, columns: Sequence[str]) -> pa.Table:
    """Read some columns of METRICS_SCHEMA of one part.

    Raises: DamagedError naming the part where it is damaged.
    """
    # Parts are small: fetched whole they cost one request, column by column several.
    data = store.read(key)
    try:
        with pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True) as file:
            table = file.read(columns=list(columns))
    except UNREADABLE as error:
        raise DamagedError(f"{key} is not a table that can be read: {error}") from error
    if set(table.column_names) != set(columns):
        raise DamagedError(f"{key} does not have the columns of the metrics table")
    return table.select(list(columns))


def read_parts(store: Store, keys: Sequence[str], columns: Sequence[str]) -> pa.Table:
    """Read some columns of METRICS_SCHEMA of many parts.

    Raises: DamagedError naming a part that is damaged.
    """
    tables = map_in_order(lambda key: read_part(store, key, columns), keys, threads=_READERS)
    empty = METRICS_SCHEMA.empty_table().select(list(columns))
    # Without their metadata, which differs, tables of one schema need no conversion.
    return pa.concat_tables(
        [table.replace_schema_metadata() for table in [empty, *tables]]
    ).combine_chunks()


def latest_rows(
    store: Store, parts: Sequence[Part], columns: Sequence[str] = STATE_COLUMNS
) -> pa.Table:
    """Read the rows of parts; of several rounds the latest speaks for an image.

    Args:
        store: the run's root.
        parts: the parts to read.
        columns: of METRICS_SCHEMA; image_id must be among them.
    """
    keys: dict[int, list[str]] = {0: []}
    for part in parts:
        keys.setdefault(part.round, []).append(part.key)
    return latest([read_parts(store, keys[number], columns) for number in sorted(keys)])


def failed_images(store: Store) -> pa.Table:
    """Read the manifest rows (MANIFEST_SCHEMA) of the images whose latest row is failed."""
    rows = latest_rows(store, list_parts(store))
    failed = rows.filter(pc.equal(rows.column("status"), Status.FAILED.value))
    is_failed = pc.field("image_id").isin(failed.column("image_id").combine_chunks())
    columns = MANIFEST_SCHEMA.names
    return latest([read_plan(store, each, columns, is_failed) for each in list_rounds(store)])


def sum_up(store: Store, run: RunRecord, round_number: int) -> Success:
    """Count how the images of a round ended.

    Raises: RetryLaterError where shards are missing.
    """
    shards = set(read_plan(store, round_number, ["shard"]).column("shard").to_pylist())
    committed = {part.shard for part in list_parts(store) if part.round == round_number}
    if shards - committed:
        raise RetryLaterError(
            f"{len(shards - committed)} of {len(shards)} shards of round {round_number} are not "
            "committed yet; run the same command again"
        )
    parts = [part_name(round_number, shard) for shard in sorted(shards)]
    rows = read_parts(store, parts, STATE_COLUMNS)
    return Success(
        run_id=run.run_id,
        round=round_number,
        shards=len(shards),
        images=rows.num_rows,
        statuses=count_statuses(rows),
        error_classes=count_error_classes(rows),
        finished_at=datetime.now(UTC),
    )


def progress(store: Store, run: RunRecord) -> Progress:
    """Add up where a run stands, from storage alone."""
    parts = list_parts(store)
    rounds = [
        Round(
            number=number,
            plan=read_plan(store, number, PLAN_COLUMNS),
            committed=frozenset(part.shard for part in parts if part.round == number),
        )
        for number in list_rounds(store)
    ]
    times = [part.modified_at for part in parts if part.modified_at is not None]
    return describe_progress(
        run,
        rounds,
        latest_rows(store, parts),
        last_commit_at=max(times, default=None),
        finished=bool(rounds) and store.head(success_name(rounds[-1].number)) is not None,
    )
