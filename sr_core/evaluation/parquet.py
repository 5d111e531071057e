"""Rows of dataclasses as Parquet, with unit and description in the metadata of each column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Columns = Mapping[str, tuple[str, str, str]]
"""Arrow type, unit and meaning of each column."""


def rows_parquet(table: str, columns: Columns, rows: Sequence[DataclassInstance]) -> bytes:
    """Return rows of one dataclass as a Parquet file.

    Args:
        table: name of the table in the file's metadata.
        columns: a column for each field; nullable if its type allows None.
        rows: at least one.
    """
    import pyarrow as pa  # noqa: PLC0415 - training machines may lack it

    from sr_core.archive.tables import to_parquet  # noqa: PLC0415 - so

    hints = {field.name: str(field.type) for field in fields(rows[0])}
    schema = pa.schema(
        [
            pa.field(
                name,
                pa.type_for_alias(kind),
                nullable="None" in hints[name],
                metadata={"description": meaning} | ({"unit": unit} if unit else {}),
            )
            for name, (kind, unit, meaning) in columns.items()
        ],
        {"srfleet.table": table},
    )
    values: dict[str, list[Any]] = {name: [getattr(row, name) for row in rows] for name in columns}
    return to_parquet(pa.table(values, schema))
