"""Checks of one committed shard against its plan and its outputs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sr_core.archive.ledger.history import Part, read_part
from sr_core.archive.ledger.rounds import contradiction
from sr_core.archive.ledger.runs import RunRecord
from sr_core.archive.schemas import METRICS_SCHEMA
from sr_core.archive.storage import Store
from sr_core.audit.verify.findings import Finding, broken
from sr_core.errors import DamagedError, ImageError, StorageError
from sr_core.parallel import map_in_order
from sr_core.records import Status

_READERS = 8
"""Number of outputs read concurrently."""
_CHUNK_BYTES = 16 << 20
"""Chunk size for hashing outputs, in bytes: they may be larger than memory."""

Row = dict[str, Any]


def verify_shard(store: Store, run: RunRecord, part: Part, planned: pa.Table) -> Iterator[Finding]:
    """Check a committed part.

    Args:
        store: the root of the run.
        run: its record.
        part: the part to check.
        planned: the planned images of the shard, with image_id, key and output_key.
    """
    try:
        table = read_part(store, part.key, METRICS_SCHEMA.names)
    except (StorageError, DamagedError) as error:
        yield broken(part.key, str(error))
        return
    yield from _verify_metadata(run, part, table)
    rows = table.to_pylist()
    plan_of = {row["image_id"]: row for row in planned.to_pylist()}
    for image_id in repeated(table.column("image_id")):
        yield broken(image_id, f"{part.key} has more than one row for it")
    for image_id in sorted(plan_of.keys() - {row["image_id"] for row in rows}):
        yield broken(image_id, f"it is planned, but {part.key} has no row for it")
    for row in rows:
        yield from _verify_row(part, row, plan_of.get(row["image_id"]))
    written = [row for row in rows if row["status"] == Status.OK and row["output_key"]]
    for finding in map_in_order(partial(_verify_output, store), written, threads=_READERS):
        if finding is not None:
            yield finding


def repeated(column: pa.ChunkedArray) -> list[Any]:
    """Return the values that occur more than once in a column."""
    return [pair["values"] for pair in pc.value_counts(column).to_pylist() if pair["counts"] > 1]


def _verify_metadata(run: RunRecord, part: Part, table: pa.Table) -> Iterator[Finding]:
    metadata = table.schema.metadata or {}
    expected = {"run_id": run.run_id, "round": str(part.round_index), "shard": str(part.shard)}
    for name, value in expected.items():
        stated = metadata.get(f"srfleet.{name}".encode(), b"nothing").decode()
        if stated != value:
            yield broken(part.key, f"its {name} is {stated}, not {value}")


def _verify_row(part: Part, row: Row, plan: Row | None) -> Iterator[Finding]:
    subject = row["key"]
    if (row["round"], row["shard"]) != (part.round_index, part.shard):
        yield broken(subject, f"its row in {part.key} has another round or shard")
    problem = contradiction(row["status"], row["error_class"])
    if problem is not None:
        yield broken(subject, problem)
    if plan is None:
        yield broken(subject, f"{part.key} has a row for it, but it is not planned in this shard")
    elif row["key"] != plan["key"]:
        yield broken(subject, f"its row has another source than the plan: {plan['key']}")
    elif row["status"] == Status.OK and row["output_key"] != plan["output_key"]:
        yield broken(subject, f"its output is {row['output_key']}, planned {plan['output_key']}")
    if row["status"] == Status.OK and row["output_key"] is None:
        yield broken(subject, "it is ok but has no output")


def _verify_output(store: Store, row: Row) -> Finding | None:
    key = row["output_key"]
    try:
        info = store.head(key)
        if info is None:
            return broken(key, f"the output of {row['key']} is missing")
        if info.size_bytes != row["output_size_bytes"]:
            return broken(key, f"it has {info.size_bytes} bytes, not {row['output_size_bytes']}")
        if _sha256(store, key, info.size_bytes) != row["output_sha256"]:
            return broken(key, "its bytes do not match their SHA-256")
    except ImageError as error:  # of the store, or for a foreign key
        return broken(key, str(error))
    return None


def _sha256(store: Store, key: str, size_bytes: int) -> str:
    digest = hashlib.sha256()
    for start in range(0, size_bytes, _CHUNK_BYTES):
        length = min(_CHUNK_BYTES, size_bytes - start)
        digest.update(store.read(key, start=start, length=length))
    return digest.hexdigest()
