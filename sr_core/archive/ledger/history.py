"""Reading plans and committed parts of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sr_core.archive.ledger.layout import METRICS_PREFIX, parse_part_name, plan_name
from sr_core.archive.ledger.rounds import STATE_COLUMNS, latest
from sr_core.archive.schemas import LATER_COLUMNS, MANIFEST_SCHEMA, METRICS_SCHEMA, PLAN_SCHEMA
from sr_core.archive.storage import Store
from sr_core.archive.tables import UNREADABLE
from sr_core.errors import DamagedError
from sr_core.parallel import map_in_order

_READERS = 8
"""Number of parts read concurrently."""


@dataclass(frozen=True, slots=True)
class Part:
    """A committed part: the object whose existence commits a shard."""

    round_index: int
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
    store: Store, round_index: int, columns: Sequence[str], rows: pc.Expression | None = None
) -> pa.Table:
    """Read some columns of a plan.

    Args:
        store: the root of the run.
        round_index: round of the plan.
        columns: columns of PLAN_SCHEMA.
        rows: picks rows; None for all.

    Raises: DamagedError if the plan is damaged.
    """
    key = plan_name(round_index)
    earlier = [name for name in columns if name not in LATER_COLUMNS]
    try:
        try:
            table = _read_table(store, key, columns, rows)
        except pa.ArrowInvalid:  # with a filter, pyarrow refuses columns that the file lacks
            if len(earlier) == len(columns):
                raise
            table = _read_table(store, key, earlier, rows)
    except UNREADABLE as error:
        raise DamagedError(f"{key} is not a readable table: {error}") from error
    return _with_later_columns(table, columns, PLAN_SCHEMA)


def _read_table(
    store: Store, key: str, columns: Sequence[str], rows: pc.Expression | None
) -> pa.Table:
    with store.arrow_file(key) as file:
        return pq.read_table(
            file, columns=list(columns), filters=rows, page_checksum_verification=True
        )


def read_part(store: Store, key: str, columns: Sequence[str]) -> pa.Table:
    """Read some columns of METRICS_SCHEMA of one part.

    Columns that are newer than the part are null.

    Raises: DamagedError naming the part if it is damaged.
    """
    # Parts are small: whole they cost one request, column by column several.
    data = store.read(key)
    try:
        with pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True) as file:
            table = file.read(columns=list(columns))
    except UNREADABLE as error:
        raise DamagedError(f"{key} is not a readable table: {error}") from error
    table = _with_later_columns(table, columns, METRICS_SCHEMA)
    if set(table.column_names) != set(columns):
        raise DamagedError(f"{key} does not have the columns of the metrics table")
    return table.select(list(columns))


def _with_later_columns(table: pa.Table, columns: Sequence[str], schema: pa.Schema) -> pa.Table:
    """Add the columns that are newer than a table, as nulls."""
    for name in sorted(LATER_COLUMNS.intersection(columns).difference(table.column_names)):
        field = schema.field(name)
        table = table.append_column(field, pa.nulls(table.num_rows, field.type))
    return table


def read_parts(store: Store, keys: Sequence[str], columns: Sequence[str]) -> pa.Table:
    """Read some columns of METRICS_SCHEMA of many parts.

    Raises: DamagedError naming a part that is damaged.
    """
    tables = map_in_order(lambda key: read_part(store, key, columns), keys, threads=_READERS)
    empty = METRICS_SCHEMA.empty_table().select(list(columns))
    # Tables of one schema need no conversion without their metadata, which differs.
    return pa.concat_tables([table.replace_schema_metadata() for table in [empty, *tables]])


def latest_rows(
    store: Store, parts: Sequence[Part], columns: Sequence[str] = STATE_COLUMNS
) -> pa.Table:
    """Read some columns of parts, of each image only those of its latest round.

    Args:
        store: the root of the run.
        parts: the parts to read.
        columns: columns of METRICS_SCHEMA, with image_id.
    """
    keys: dict[int, list[str]] = {0: []}
    for part in parts:
        keys.setdefault(part.round_index, []).append(part.key)
    return latest([read_parts(store, keys[number], columns) for number in sorted(keys)])


def manifest_rows_of(store: Store, rounds: int, image_ids: pa.Array) -> pa.Table:
    """Read the manifest rows (MANIFEST_SCHEMA) of some images from the plans of a run."""
    wanted = pc.field("image_id").isin(image_ids)
    columns = MANIFEST_SCHEMA.names
    return latest([read_plan(store, each, columns, wanted) for each in range(rounds)])
