"""A user's own Parquet or CSV table as the source: files, and their references."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby, repeat
from operator import attrgetter
from typing import BinaryIO

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from sr_core.archive.source.manifest import image_id
from sr_core.archive.storage import Store
from sr_core.archive.storage.addresses import path_of
from sr_core.archive.storage.tables import open_table
from sr_core.archive.tables import UNREADABLE
from sr_core.errors import ConfigurationError, ErrorClass, StorageError
from sr_core.records import ManifestRow, Status

URI_COLUMNS = ("uri", "key", "path")
"""Columns that name the files, unless the user gives one; the first that exists is used."""
_WIDTH_COLUMNS = ("width_px", "width")
_HEIGHT_COLUMNS = ("height_px", "height")


def read_user_table(
    uri: str,
    source: Store,
    *,
    uri_column: str | None = None,
    reference_column: str | None = None,
) -> Iterator[ManifestRow]:
    """Read a table as unprobed rows, in key order.

    Names of files and references are relative to the source root, or begin with it; any other name
    becomes a key that probing rejects. A file listed twice is a duplicate; the first row of the
    table counts. Widths and heights become hints, until a probe or the worker reads the header.

    Args:
        uri: address of a .parquet, .csv or .csv.gz file, local or in S3.
        source: the store of the files.
        uri_column: column with the names of the files; by default one of URI_COLUMNS.
        reference_column: column with the names of the references, if any.

    Raises: ConfigurationError if the table cannot be read or lacks the column.
    """
    try:
        names = _column_names(uri)
        columns = {
            "uri": uri_column or _first_of(URI_COLUMNS, names),
            "reference": reference_column,
            "width": _first_of(_WIDTH_COLUMNS, names),
            "height": _first_of(_HEIGHT_COLUMNS, names),
        }
        _check_columns(uri, columns, names)
        table = _read(uri, {role: name for role, name in columns.items() if name})
    except (*UNREADABLE, StorageError) as error:
        raise ConfigurationError(f"cannot read the table {uri}: {error}") from error
    return _mark_duplicates(_rows(_with_keys(table, source), source))


def _first_of(wanted: Iterable[str], names: list[str]) -> str | None:
    return next((name for name in wanted if name in names), None)


def _check_columns(uri: str, columns: dict[str, str | None], names: list[str]) -> None:
    if columns["uri"] is None:
        raise ConfigurationError(
            f"{uri} has no column {', '.join(URI_COLUMNS)}; name one with --uri-column: "
            f"{', '.join(names)}"
        )
    for name in columns.values():
        if name is not None and name not in names:
            raise ConfigurationError(f"{uri} has no column {name}, only {', '.join(names)}")


def _is_parquet(uri: str) -> bool:
    if uri.endswith((".csv", ".csv.gz")):
        return False
    if uri.endswith(".parquet"):
        return True
    raise ConfigurationError(f"{uri}: a table must be a .parquet, .csv or .csv.gz file")


def _csv_stream(uri: str, file: BinaryIO) -> BinaryIO | pa.CompressedInputStream:
    return pa.CompressedInputStream(file, "gzip") if uri.endswith(".gz") else file


def _column_names(uri: str) -> list[str]:
    with open_table(uri) as file:
        if _is_parquet(uri):
            return list(pq.read_schema(file).names)
        return list(pa_csv.open_csv(_csv_stream(uri, file)).schema.names)


def _read(uri: str, columns: dict[str, str]) -> pa.Table:
    """Read the named columns, renamed to their roles: strings, and int64 for the hints."""
    types = {
        name: pa.int64() if role in ("width", "height") else pa.string()
        for role, name in columns.items()
    }
    wanted = list(types)
    with open_table(uri) as file:
        if _is_parquet(uri):
            table = pq.read_table(file, columns=wanted).select(wanted)
            table = table.cast(pa.schema(list(types.items())))
        else:
            convert = pa_csv.ConvertOptions(include_columns=wanted, column_types=types)
            newlines = pa_csv.ParseOptions(newlines_in_values=True)
            stream = _csv_stream(uri, file)
            table = pa_csv.read_csv(stream, parse_options=newlines, convert_options=convert)
    arrays = {role: table.column(name) for role, name in columns.items()}
    return pa.table(arrays)


def _with_keys(table: pa.Table, source: Store) -> pa.Table:
    """Add the keys relative to the source root, and sort by them (stable)."""
    keys = [_relative(uri or "", source) for uri in table.column("uri").to_pylist()]
    order = pa.array(range(len(table)), pa.int64())
    keyed = table.append_column("key", pa.array(keys, pa.string())).append_column("order", order)
    return keyed.sort_by([("key", "ascending"), ("order", "ascending")])


def _relative(uri: str, source: Store) -> str:
    """Remove the source root from the beginning of a name."""
    path, root = path_of(uri), f"{path_of(source.uri)}/"
    return path.removeprefix(root) if path.startswith(root) else path.removeprefix("./")


def _rows(table: pa.Table, source: Store) -> Iterator[ManifestRow]:
    for batch in table.to_batches(max_chunksize=1 << 14):
        columns = [
            batch.column(role).to_pylist() if role in batch.schema.names else repeat(None)
            for role in ("reference", "width", "height")
        ]
        for key, reference, *hint in zip(batch.column("key").to_pylist(), *columns, strict=False):
            yield _row(key, _relative(reference or "", source), *hint)


def _row(key: str, reference: str, width_px: int | None, height_px: int | None) -> ManifestRow:
    row = ManifestRow(image_id(key), key, reference_key=reference or None)
    if width_px and height_px and min(width_px, height_px) > 0:
        row = replace(row, width_px=width_px, height_px=height_px)
    return row


def _mark_duplicates(rows: Iterator[ManifestRow]) -> Iterator[ManifestRow]:
    """Mark all but the first row of each key as duplicates; rows are in key order."""
    for key, same in groupby(rows, key=attrgetter("key")):
        for occurrence, row in enumerate(same):
            if occurrence:
                yield ManifestRow(
                    image_id(key, occurrence),
                    key,
                    status=Status.DUPLICATE,
                    error_class=ErrorClass.DUPLICATE_KEY,
                    error_message="the table lists it more than once; the first row counts",
                )
            else:
                yield row
