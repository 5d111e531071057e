"""Checks of one committed part against its plan, its schema and the rules of its rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sr_core.archive.ledger.history import Part
from sr_core.archive.ledger.runs import RunRecord
from sr_core.archive.schemas import LATER_COLUMNS, METRICS_SCHEMA
from sr_core.archive.storage import Store
from sr_core.archive.tables import UNREADABLE
from sr_core.audit.verify.findings import Finding, Kind, broken
from sr_core.audit.verify.rules import PLANNED, PLANNED_COLUMNS, Rule
from sr_core.errors import StorageError


@dataclass(frozen=True, slots=True, eq=False)
class CheckedPart:
    """A part, the problems found in it, and its rows; None if they cannot be read."""

    part: Part
    findings: tuple[Finding, ...]
    rows: pa.Table | None


def check_part(
    store: Store,
    run: RunRecord,
    rules: Sequence[Rule],
    part: Part,
    planned: pa.Table,
    digest: str | None,
) -> CheckedPart:
    """Check a committed part, without its outputs.

    Args:
        store: the root of the run.
        run: its record.
        rules: rules of its rows.
        part: the part to check.
        planned: the planned images of the shard, with image_id and PLANNED_COLUMNS.
        digest: SHA-256 of the part as a closing record has it; None if there is none.
    """
    try:
        data = store.read(part.key)
    except StorageError as error:
        return CheckedPart(part, (broken(Kind.PART, part.key, str(error)),), None)
    found = []
    if digest is not None and hashlib.sha256(data).hexdigest() != digest:
        found.append(broken(Kind.DIGEST, part.key, "it was changed after its round was closed"))
    try:
        with pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True) as file:
            table = file.read()
    except UNREADABLE as error:
        found.append(broken(Kind.PART, part.key, f"it is not a readable table: {error}"))
        return CheckedPart(part, tuple(found), None)
    found += _check_metadata(run, part, table)
    problems = [broken(Kind.PART, part.key, each) for each in schema_problems(table)]
    if problems:
        return CheckedPart(part, (*found, *problems), None)
    lacks = frozenset(METRICS_SCHEMA.names).difference(table.column_names)
    rows = _complete(table)
    found += _check_images(part, rows, planned)
    found += _check_rows(part, _joined(rows, planned), [r for r in rules if not r.needs & lacks])
    return CheckedPart(part, tuple(found), rows)


def schema_problems(
    table: pa.Table, wanted: pa.Schema = METRICS_SCHEMA, optional: frozenset[str] = LATER_COLUMNS
) -> Iterator[str]:
    """Describe the differences of a table's columns from its schema."""
    for name, column in zip(table.column_names, table.columns, strict=True):
        if name not in wanted.names:
            yield f"it has a column {name}, which no version wrote"
        elif column.type != wanted.field(name).type:
            yield f"its column {name} is {column.type}, not {wanted.field(name).type}"
        elif column.null_count and not wanted.field(name).nullable:
            yield f"its column {name} has nulls"
    missing = [name for name in wanted.names if name not in {*table.column_names, *optional}]
    if missing:
        yield f"it lacks the columns {', '.join(missing)}"
    if len({*table.column_names}) != table.num_columns:
        yield "it has two columns of one name"


def repeated(column: pa.ChunkedArray) -> list[str]:
    """Return the values that occur more than once in a column."""
    return [pair["values"] for pair in pc.value_counts(column).to_pylist() if pair["counts"] > 1]


def _complete(table: pa.Table) -> pa.Table:
    """Add the columns that earlier versions did not write, as nulls."""
    for name in LATER_COLUMNS.difference(table.column_names):
        field = METRICS_SCHEMA.field(name)
        table = table.append_column(field, pa.nulls(table.num_rows, field.type))
    return table.select(METRICS_SCHEMA.names).combine_chunks()


def _joined(rows: pa.Table, planned: pa.Table) -> pa.Table:
    """Append the plan's columns to rows; null for a row that is not planned."""
    ids = planned.column("image_id").combine_chunks()
    places = pc.index_in(rows.column("image_id"), value_set=ids)
    for name in PLANNED_COLUMNS:
        rows = rows.append_column(PLANNED + name, planned.column(name).take(places))
    return rows


def _check_metadata(run: RunRecord, part: Part, table: pa.Table) -> Iterator[Finding]:
    metadata = table.schema.metadata or {}
    expected = {"run_id": run.run_id, "round": str(part.round_index), "shard": str(part.shard)}
    for name, value in expected.items():
        stated = metadata.get(f"srfleet.{name}".encode(), b"nothing").decode(errors="replace")
        if stated != value:
            yield broken(Kind.PART, part.key, f"its {name} is {stated}, not {value}")


def _check_images(part: Part, rows: pa.Table, planned: pa.Table) -> Iterator[Finding]:
    """Check that a part has the planned images, each once, of one attempt."""
    ids, planned_ids = rows.column("image_id"), planned.column("image_id")
    for key in _keys(rows, pc.is_in(ids, pa.array(repeated(ids), pa.string()))):
        yield broken(Kind.ROW, key, f"{part.key} has more than one row for it")
    for key in _keys(planned, pc.invert(pc.is_in(planned_ids, _set(ids)))):
        yield broken(Kind.MISSING_ROW, key, f"it is planned, but {part.key} has no row for it")
    for key in _keys(rows, pc.invert(pc.is_in(ids, _set(planned_ids)))):
        message = f"{part.key} has a row for it, but it is not planned in this shard"
        yield broken(Kind.ROW, key, message)
    elsewhere = pc.or_(
        pc.not_equal(rows.column("round"), part.round_index),
        pc.not_equal(rows.column("shard"), part.shard),
    )
    for key in _keys(rows, elsewhere):
        yield broken(Kind.ROW, key, f"its row in {part.key} has another round or shard")
    if len(pc.unique(rows.column("attempt"))) > 1:
        yield broken(Kind.PART, part.key, "its rows are of several attempts")
    yield from _check_twins(part, rows)


def _check_twins(part: Part, rows: pa.Table) -> Iterator[Finding]:
    """Check that a row which names an identical source has a row with the same source."""
    twins = rows.filter(pc.is_valid(rows.column("same_pixels_as")))
    hashes = rows.column("source_sha256")
    places = pc.index_in(twins.column("same_pixels_as"), value_set=_set(rows.column("image_id")))
    same = pc.equal(hashes.take(places), twins.column("source_sha256"))
    for key in _keys(twins, pc.invert(pc.fill_null(same, False))):
        yield broken(Kind.ROW, key, f"{part.key} has no row with the source that it repeats")


def _check_rows(part: Part, rows: pa.Table, rules: Sequence[Rule]) -> Iterator[Finding]:
    for rule in rules:
        breaking = rows.filter(pc.fill_null(rule.broken_by(rows), False))
        for row in breaking.to_pylist() if len(breaking) else []:
            yield broken(Kind.ROW, row["key"], f"{rule.message.format(**row)} ({part.key})")


def _keys(rows: pa.Table, mask: pa.ChunkedArray) -> list[str]:
    return list(dict.fromkeys(rows.column("key").filter(mask).to_pylist()))


def _set(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks()
