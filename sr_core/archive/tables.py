"""Records to Arrow tables to Parquet, and back."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, TypeVar, get_type_hints

import pyarrow as pa
import pyarrow.parquet as pq

from sr_core.archive.schemas import (
    MANIFEST_SCHEMA,
    METRICS_SCHEMA,
    PLAN_OWN_COLUMNS,
    PLAN_SCHEMA,
    plain_type,
)
from sr_core.errors import ErrorClass
from sr_core.records import (
    ManifestRow,
    MetricsRow,
    PlannedImage,
    PlannedSidecar,
    Sidecar,
    Status,
)

PARQUET_OPTIONS: dict[str, Any] = {"compression": "zstd", "write_page_checksum": True}
"""Keyword arguments of every Parquet writer of the project."""

UNREADABLE = (pa.ArrowException, OSError, UnicodeDecodeError)
"""Errors that pyarrow raises for a damaged table; the last for a column name that is not UTF-8."""

Record = TypeVar("Record", ManifestRow, MetricsRow)

_FROM_ARROW: dict[object, Callable[[Any], object]] = {
    Status: Status,
    ErrorClass: ErrorClass,
    tuple[str, ...]: tuple,
    tuple[PlannedSidecar, ...]: lambda found: tuple(PlannedSidecar(**each) for each in found),
    tuple[Sidecar, ...]: lambda found: tuple(Sidecar(**each) for each in found),
}


def manifest_table(rows: Sequence[ManifestRow]) -> pa.Table:
    """Turn manifest rows into a table of MANIFEST_SCHEMA."""
    return _table([(rows, MANIFEST_SCHEMA.names)], MANIFEST_SCHEMA)


def manifest_rows(table: pa.Table) -> list[ManifestRow]:
    """Turn a table with the columns of MANIFEST_SCHEMA, in any order, into rows."""
    return _records(table, ManifestRow)


def plan_table(rows: Sequence[PlannedImage]) -> pa.Table:
    """Turn planned images into a table of PLAN_SCHEMA."""
    images = [row.image for row in rows]
    return _table([(images, MANIFEST_SCHEMA.names), (rows, PLAN_OWN_COLUMNS)], PLAN_SCHEMA)


def plan_rows(table: pa.Table) -> list[PlannedImage]:
    """Turn a table with the columns of PLAN_SCHEMA, in any order, into planned images."""
    hints = get_type_hints(PlannedImage)
    own_columns = [_values(table, name, hints[name]) for name in PLAN_OWN_COLUMNS]
    return [
        PlannedImage(image, *own)
        for image, *own in zip(manifest_rows(table), *own_columns, strict=True)
    ]


def metrics_table(rows: Sequence[MetricsRow]) -> pa.Table:
    """Turn metrics rows into a table of METRICS_SCHEMA. NaN becomes null."""
    return _table([(rows, METRICS_SCHEMA.names)], METRICS_SCHEMA)


def metrics_rows(table: pa.Table) -> list[MetricsRow]:
    """Turn a table with the columns of METRICS_SCHEMA, in any order, into rows."""
    return _records(table, MetricsRow)


def to_parquet(table: pa.Table, metadata: Mapping[str, str] | None = None) -> bytes:
    """Write a table as one Parquet file.

    Args:
        table: of one of this module's schemas.
        metadata: further entries of the schema's metadata, such as srfleet.run_id.
    """
    own = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    sink = io.BytesIO()
    pq.write_table(
        table.replace_schema_metadata(own | dict(metadata or {})), sink, **PARQUET_OPTIONS
    )
    return sink.getvalue()


def _table(
    sources: Sequence[tuple[Sequence[object], Sequence[str]]], schema: pa.Schema
) -> pa.Table:
    columns = [
        _array([getattr(record, name) for record in records], schema.field(name))
        for records, names in sources
        for name in names
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _array(values: Sequence[Any], column: pa.Field) -> pa.Array:
    """Build one column. from_pandas makes NaN null; text that is not Unicode is escaped."""
    if pa.types.is_list(column.type) and pa.types.is_struct(column.type.value_type):
        values = [None if value is None else list(map(asdict, value)) for value in values]
    try:
        array = pa.array(values, column.type, from_pandas=True)
    except UnicodeEncodeError:
        array = pa.array([_escaped(value) for value in values], column.type)
    if array.null_count and not column.nullable:
        raise ValueError(f"column {column.name} must not be null")
    return array


def _escaped(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return [_escaped(item) for item in value] if isinstance(value, tuple) else value


def _records(table: pa.Table, record: type[Record]) -> list[Record]:
    hints = get_type_hints(record)
    columns = [_values(table, each.name, hints[each.name]) for each in fields(record)]
    return [record(*values) for values in zip(*columns, strict=True)]


def _values(table: pa.Table, name: str, annotation: object) -> list[Any]:
    """Return a column as values of a record's field."""
    values: list[Any] = table.column(name).to_pylist()
    convert = _FROM_ARROW.get(plain_type(annotation))
    if convert is None:
        return values
    return [None if value is None else convert(value) for value in values]
