"""Amazon S3 Inventory reports (manifest.json with CSV or Parquet files) instead of a listing.

Source: Amazon S3 User Guide, "Amazon S3 Inventory" and "Locating your inventory list".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from sr_core.archive.source.manifest import image_id
from sr_core.archive.storage import Store, open_store
from sr_core.archive.storage.addresses import path_of
from sr_core.errors import ConfigurationError, StorageError
from sr_core.records import ManifestRow

_LISTED = pa.schema(
    [
        ("key", pa.string()),
        ("size", pa.int64()),
        ("e_tag", pa.string()),
        ("last_modified_date", pa.timestamp("us", tz="UTC")),
        ("is_latest", pa.bool_()),
        ("is_delete_marker", pa.bool_()),
    ]
)
"""Columns in use, with their names in Parquet reports; all but the key may be missing."""

_CSV_NAMES = {
    "Key": "key",
    "Size": "size",
    "ETag": "e_tag",
    "LastModifiedDate": "last_modified_date",
    "IsLatest": "is_latest",
    "IsDeleteMarker": "is_delete_marker",
}


@dataclass(frozen=True, slots=True)
class _Report:
    bucket: str
    file_format: str
    columns: tuple[str, ...]
    files: tuple[str, ...]


def read_inventory(uri: str, source: Store) -> Iterator[ManifestRow]:
    """Read a report as unprobed rows of the source, in key order.

    Old versions, delete markers and keys outside of the source's prefix are left out. The report is
    held in memory as Arrow columns.

    Args:
        uri: address of the report's manifest.json, in S3 or in a folder that mirrors its bucket.
        source: the bucket of the report, or a prefix of it.

    Raises: ConfigurationError for a report of another bucket, in ORC, or damaged.
    """
    reports, key = _locate(uri)
    report = _parse(reports.read(key), uri)
    prefix = _prefix_within(report.bucket, source.uri, uri)
    try:
        batches = [
            _relevant(batch, prefix)
            for name in report.files
            for batch in _read_file(reports, name, report)
        ]
    except (pa.ArrowException, StorageError, OSError, ValueError) as error:
        raise ConfigurationError(
            f"{uri}: a file of this inventory cannot be read: {error}"
        ) from error
    listed = pa.Table.from_batches(batches, schema=_LISTED).sort_by("key")
    return _rows(listed)


def inventoried_bucket(uri: str) -> str:
    """Return the URI of the bucket listed by a report.

    Raises: ConfigurationError if the file is not the manifest.json of a report.
    """
    reports, key = _locate(uri)
    return f"s3://{_parse(reports.read(key), uri).bucket}"


def _locate(uri: str) -> tuple[Store, str]:
    """Return the store that holds the files of a report, its bucket or a copy, and the key."""
    if uri.startswith("s3://"):
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return open_store(f"s3://{bucket}"), key
    path = Path(path_of(uri)).absolute()
    try:
        first_file = _parse(path.read_bytes(), uri).files[:1]
    except OSError as error:
        raise ConfigurationError(f"cannot read the inventory {uri}: {error.strerror}") from error
    for folder in path.parents:
        if all((folder / name).exists() for name in first_file):
            return open_store(str(folder)), path.relative_to(folder).as_posix()
    raise ConfigurationError(
        f"{uri}: {first_file[0]} is in none of the folders above it; copy the report together "
        "with its folders in the bucket"
    )


def _parse(manifest: bytes, uri: str) -> _Report:
    try:
        content: dict[str, Any] = json.loads(manifest)
        report = _Report(
            bucket=content["sourceBucket"],
            file_format=content["fileFormat"],
            columns=tuple(name.strip() for name in content["fileSchema"].split(",")),
            files=tuple(file["key"] for file in content["files"]),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigurationError(
            f"{uri} is not the manifest.json of an S3 Inventory report ({error!r})"
        ) from error
    if report.file_format not in ("CSV", "Parquet"):
        raise ConfigurationError(
            f"{uri}: reports in {report.file_format} cannot be read; configure the inventory for "
            "Parquet or CSV"
        )
    if report.file_format == "CSV" and "Key" not in report.columns:
        raise ConfigurationError(f"{uri}: its fileSchema has no column Key")
    return report


def _prefix_within(bucket: str, source_uri: str, uri: str) -> str:
    root = f"s3://{bucket}/"
    if not f"{source_uri}/".startswith(root):
        raise ConfigurationError(
            f"{uri} lists the bucket s3://{bucket}, but the source is {source_uri}; give that "
            "bucket, or a prefix in it, as the source"
        )
    return f"{source_uri}/".removeprefix(root)


def _read_file(reports: Store, name: str, report: _Report) -> Iterator[pa.RecordBatch]:
    """Read one file of a report in batches of the columns of _LISTED, keys decoded."""
    with reports.arrow_file(name) as file:
        if report.file_format == "Parquet":
            parquet = pq.ParquetFile(file)
            known = [column for column in _LISTED.names if column in parquet.schema_arrow.names]
            for batch in parquet.iter_batches(columns=known):
                yield _listed(batch, known)
            return
        known = [column for column in report.columns if column in _CSV_NAMES]
        names = [_CSV_NAMES[column] for column in known]
        for batch in _csv_batches(file, name, report.columns, known):
            keys = pa.array(map(unquote_plus, batch.column("Key").to_pylist()), pa.string())
            yield _listed(batch.set_column(known.index("Key"), "Key", keys), names)


def _csv_batches(
    file: pa.NativeFile, name: str, columns: Sequence[str], wanted: list[str]
) -> Iterator[pa.RecordBatch]:
    stream = pa.CompressedInputStream(file, "gzip") if name.endswith(".gz") else file
    types = {column: _LISTED.field(_CSV_NAMES[column]).type for column in wanted}
    yield from pa_csv.open_csv(
        stream,
        read_options=pa_csv.ReadOptions(column_names=list(columns), use_threads=False),
        convert_options=pa_csv.ConvertOptions(include_columns=wanted, column_types=types),
    )


def _listed(batch: pa.RecordBatch, names: list[str]) -> pa.RecordBatch:
    """Give a batch the columns of _LISTED; null if the report lacks them."""
    arrays = [
        batch.column(names.index(field.name)).cast(field.type)
        if field.name in names
        else pa.nulls(len(batch), field.type)
        for field in _LISTED
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=_LISTED)


def _relevant(batch: pa.RecordBatch, prefix: str) -> pa.RecordBatch:
    """Keep the current objects under the prefix, with keys relative to it."""
    latest = batch.column("is_latest").fill_null(fill_value=True)
    deleted = batch.column("is_delete_marker").fill_null(fill_value=False)
    under = pc.starts_with(batch.column("key"), prefix)
    inside = pc.and_(under, pc.not_equal(batch.column("key"), prefix))
    kept = batch.filter(pc.and_(pc.and_not(latest, deleted), inside))
    keys = pc.utf8_slice_codeunits(kept.column("key"), len(prefix))
    return kept.set_column(0, _LISTED.field("key"), keys)


def _rows(listed: pa.Table) -> Iterator[ManifestRow]:
    columns = ("key", "size", "e_tag", "last_modified_date")
    for batch in listed.select(columns).to_batches(max_chunksize=1 << 14):
        lists = (batch.column(name).to_pylist() for name in columns)
        for key, size_bytes, etag, modified_at in zip(*lists, strict=True):
            if size_bytes or not key.endswith("/"):  # else it is a folder marker
                etag_text = etag.strip('"') if etag else None
                yield ManifestRow(
                    image_id(key), key, size_bytes, etag_text, modified_at=modified_at
                )
