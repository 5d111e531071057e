"""The file of a plan: written once, read shard by shard."""

from __future__ import annotations

import io

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sr_core.archive.ledger.history import read_plan
from sr_core.archive.ledger.layout import plan_name
from sr_core.archive.planning.plan import Plan
from sr_core.archive.schemas import PLAN_SCHEMA
from sr_core.archive.storage import Store
from sr_core.archive.tables import PARQUET_OPTIONS, plan_rows
from sr_core.errors import SrfleetError
from sr_core.records import PlannedImage

ROW_GROUP_ROWS = 8192
"""With 10^6 images: a footer of 250 kB and row groups of 500 kB; a shard reads one of each."""


def plan_bytes(plan: Plan, run_id: str) -> bytes:
    """Write a plan as Parquet, in row groups of whole shards.

    With a row group per shard, reading a shard would be cheapest, but the footer, which every
    reader needs, would be as large as the rows.
    """
    schema = PLAN_SCHEMA.with_metadata(
        PLAN_SCHEMA.metadata | {b"srfleet.run_id": run_id, b"srfleet.round": str(plan.round_index)}
    )
    shards = plan.table["shard"].to_numpy()
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, schema, write_statistics=["shard"], **PARQUET_OPTIONS) as writer:
        start = 0
        while start < len(shards):
            last = shards[min(start + ROW_GROUP_ROWS, len(shards)) - 1]
            end = int(np.searchsorted(shards, last, side="right"))
            writer.write_table(plan.table.slice(start, end - start), end - start)
            start = end
    return sink.getvalue()


def read_shard(store: Store, round_index: int, shard: int) -> list[PlannedImage]:
    """Read the images of one shard.

    Raises: SrfleetError if the plan is damaged or has no such shard.
    """
    rows = plan_rows(read_plan(store, round_index, PLAN_SCHEMA.names, pc.field("shard") == shard))
    if not rows:
        raise SrfleetError(f"{plan_name(round_index)} has no shard {shard}")
    return rows
