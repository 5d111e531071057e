"""The Arrow schemas of a run's tables, and records to Arrow to Parquet and back.

Names, types and nullability follow from the dataclasses of sr_core.records; this module adds what
each column means. `python -m sr_core.archive.tables` prints the columns as Markdown.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from types import NoneType
from typing import Any, get_args, get_type_hints

import pyarrow as pa
import pyarrow.parquet as pq

from sr_core.errors import ErrorClass
from sr_core.records import ManifestRow, MetricsRow, PlannedImage, Status

FORMAT_VERSION = "1"

PARQUET_OPTIONS: dict[str, Any] = {"compression": "zstd", "write_page_checksum": True}
"""Keyword arguments of every Parquet writer of the project."""

UNREADABLE = (pa.ArrowException, OSError, UnicodeDecodeError)
"""What pyarrow raises for a damaged table; the last for a column's name that is not UTF-8."""

_ARROW_TYPES: dict[Any, pa.DataType] = {
    bool: pa.bool_(),
    int: pa.int64(),  # even where int32 would do: width_px * height_px must not overflow in SQL
    float: pa.float64(),
    str: pa.string(),
    Status: pa.string(),
    ErrorClass: pa.string(),
    datetime: pa.timestamp("us", tz="UTC"),
    tuple[str, ...]: pa.list_(pa.string()),
}
_FROM_ARROW: dict[Any, Callable[[Any], Any]] = {
    Status: Status,
    ErrorClass: ErrorClass,
    tuple[str, ...]: tuple,
}
_UNITS = {"_px": "px", "_bytes": "bytes", "_ms": "ms", "_db": "dB", "_delta_e": "CIELAB delta E"}

_MANIFEST_COLUMNS = {
    "image_id": "first 16 hexadecimal digits of a SHA-256 of the key (and its occurrence)",
    "key": "path of the source relative to the source root, parts joined by '/'",
    "size_bytes": "size of the source file",
    "etag": "version of the source as its store tells it",
    "modified_at": "last modification of the source",
    "format": "format of the source by its content: JPEG, PNG, ...",
    "mode": "pixel layout of the source: RGB, L, CMYK, ...",
    "width_px": "width of the source after EXIF orientation",
    "height_px": "height of the source after EXIF orientation",
    "pages": "pages of the source (TIFF), else 1",
    "reference_key": "key of the true high-resolution image, where there is one",
    "status": "ok, or failed or duplicate where that is known before the run",
    "error_class": "why the image cannot be processed; null exactly where status is ok",
    "error_message": "the same in words",
}
_PLAN_COLUMNS = {
    "shard": "number of the shard within its round; the rows are sorted by it",
    "output_key": "path of the output relative to the run's root; null: there will be none",
    "output_format": "format of the output: jpeg, png, webp, tiff, jxl",
    "output_width_px": "width of the output",
    "output_height_px": "height of the output",
}
_METRICS_COLUMNS = {
    "image_id": "the image, as in the plan",
    "key": "path of the source relative to the source root",
    "round": "0, and one more for each further plan; the latest round speaks for an image",
    "shard": "number of the shard within its round",
    "attempt": "which attempt committed the shard",
    "status": "ok: the output stands; failed: it does not; duplicate: the key is named twice",
    "error_class": "why there is no output; null exactly where status is ok",
    "error_message": "the same in words",
    "warnings": "what was noticed about an image that is ok, or before it failed",
    "source_uri": "where the source was read",
    "source_size_bytes": "bytes that were read",
    "source_etag": "version of the source that was read",
    "source_sha256": "SHA-256 of the bytes that were read, hexadecimal",
    "format_in": "format of the source by its content",
    "mode_in": "pixel layout of the source before conversion",
    "bit_depth": "bits per channel, of the source and of the output",
    "width_in_px": "width of the source after EXIF orientation",
    "height_in_px": "height of the source after EXIF orientation",
    "pages": "pages that were upscaled",
    "orientation_in": "EXIF orientation of the source, 1 to 8",
    "output_key": "path of the output relative to the run's root",
    "format_out": "format of the output",
    "width_out_px": "width of the output",
    "height_out_px": "height of the output",
    "output_size_bytes": "size of the output as it stands in storage",
    "output_sha256": "SHA-256 of the output as it stands in storage, hexadecimal",
    "adopted": "true: an earlier attempt had written the output, this one read it back",
    "same_pixels_as": "image_id of the identical source whose upscaled pixels were taken over",
    "engine": "what computed the network; null for interpolation and adopted outputs",
    "psnr_y_db": "PSNR of luma against the reference; +inf where identical",
    "ssim_y": "SSIM of luma against the reference",
    "self_psnr_y_db": "PSNR of the source shrunk and upscaled by this model, against the source",
    "self_ssim_y": "SSIM of the same",
    "self_psnr_y_bicubic_db": "as self_psnr_y_db, upscaled by bicubic interpolation",
    "self_ssim_y_bicubic": "SSIM of the same",
    "lr_psnr_db": "PSNR of the output shrunk again, against the source",
    "colour_drift_delta_e": "low-pass colour difference between output and source",
    "sharpness_gain": "Laplacian variance of the output over that of the bicubic upscale",
    "fetch_ms": "time to read the source, retries included",
    "decode_ms": "time to decode the source",
    "device_wait_ms": "time the device waited for this image",
    "upscale_ms": "time to upscale",
    "measure_ms": "time to measure quality",
    "encode_ms": "time to encode the output",
    "put_ms": "time to write the output, or to read back an adopted one",
    "finished_at": "when the image ended",
    "worker": "process that did it",
}


def _arrow_field(name: str, annotation: Any, description: str) -> pa.Field:
    nullable = NoneType in get_args(annotation)
    unit = next((unit for suffix, unit in _UNITS.items() if name.endswith(suffix)), None)
    metadata = {"description": description} | ({"unit": unit} if unit else {})
    return pa.field(name, _ARROW_TYPES[_plain(annotation)], nullable, metadata)


def _plain(annotation: Any) -> Any:
    """Take `| None` off a type."""
    parts = [part for part in get_args(annotation) if part is not NoneType]
    return parts[0] if len(parts) == 1 and NoneType in get_args(annotation) else annotation


def _arrow_fields(record: type, descriptions: Mapping[str, str]) -> list[pa.Field]:
    hints = get_type_hints(record)
    names = [field.name for field in fields(record) if hints[field.name] is not ManifestRow]
    return [_arrow_field(name, hints[name], descriptions[name]) for name in names]


def _schema(table: str, columns: list[pa.Field]) -> pa.Schema:
    return pa.schema(columns, {"srfleet.table": table, "srfleet.format_version": FORMAT_VERSION})


_MANIFEST_FIELDS = _arrow_fields(ManifestRow, _MANIFEST_COLUMNS)
MANIFEST_SCHEMA = _schema("manifest", _MANIFEST_FIELDS)
"""Columns of ManifestRow. A written manifest adds the metadata key srfleet.source."""
PLAN_SCHEMA = _schema("plan", _MANIFEST_FIELDS + _arrow_fields(PlannedImage, _PLAN_COLUMNS))
"""Columns of ManifestRow, then those of PlannedImage. A written plan adds the metadata keys
srfleet.run_id and srfleet.round."""
METRICS_SCHEMA = _schema("metrics", _arrow_fields(MetricsRow, _METRICS_COLUMNS))
"""Columns of MetricsRow. A committed part adds the metadata keys srfleet.run_id, srfleet.round and
srfleet.shard."""


def manifest_table(rows: Sequence[ManifestRow]) -> pa.Table:
    """Turn manifest rows into a table of MANIFEST_SCHEMA."""
    return _table([(rows, MANIFEST_SCHEMA.names)], MANIFEST_SCHEMA)


def manifest_rows(table: pa.Table) -> list[ManifestRow]:
    """Turn a table with the columns of MANIFEST_SCHEMA, in any order, into rows."""
    return _records(table, ManifestRow)


def plan_table(rows: Sequence[PlannedImage]) -> pa.Table:
    """Turn planned images into a table of PLAN_SCHEMA."""
    own_columns = list(_PLAN_COLUMNS)
    images = [row.image for row in rows]
    return _table([(images, MANIFEST_SCHEMA.names), (rows, own_columns)], PLAN_SCHEMA)


def plan_rows(table: pa.Table) -> list[PlannedImage]:
    """Turn a table with the columns of PLAN_SCHEMA, in any order, into planned images."""
    own_columns = [table.column(name).to_pylist() for name in _PLAN_COLUMNS]
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


def describe_tables() -> str:
    """Describe the columns of all tables as Markdown."""
    own_of_plan = [PLAN_SCHEMA.field(name) for name in _PLAN_COLUMNS]
    return "\n".join(
        [
            "### Manifest\n",
            _describe_columns(MANIFEST_SCHEMA),
            "### Plan\n\nThe columns of the manifest, and:\n",
            _describe_columns(own_of_plan),
            "### Metrics\n",
            _describe_columns(METRICS_SCHEMA),
        ]
    )


def _describe_columns(columns: Iterable[pa.Field]) -> str:
    lines = ["| column | type | unit | null | meaning |", "| --- | --- | --- | --- | --- |"]
    for column in columns:
        unit = column.metadata.get(b"unit", b"").decode()
        description = column.metadata[b"description"].decode()
        null = "yes" if column.nullable else "no"
        lines.append(f"| `{column.name}` | `{column.type}` | {unit} | {null} | {description} |")
    return "\n".join(lines) + "\n"


def _table(sources: list[tuple[Sequence[Any], list[str]]], schema: pa.Schema) -> pa.Table:
    columns = [
        _array([getattr(record, name) for record in records], schema.field(name))
        for records, names in sources
        for name in names
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _array(values: list[Any], column: pa.Field) -> pa.Array:
    """Build one column. from_pandas makes NaN null; text that is not Unicode is escaped."""
    try:
        array = pa.array(values, column.type, from_pandas=True)
    except UnicodeEncodeError:
        array = pa.array([_escaped(value) for value in values], column.type)
    if array.null_count and not column.nullable:
        raise ValueError(f"column {column.name} must not be null")
    return array


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return [_escaped(item) for item in value] if isinstance(value, tuple) else value


def _records(table: pa.Table, record: type) -> list[Any]:
    hints = get_type_hints(record)
    columns = []
    for field in fields(record):
        values = table.column(field.name).to_pylist()
        convert = _FROM_ARROW.get(_plain(hints[field.name]))
        if convert is not None:
            values = [None if value is None else convert(value) for value in values]
        columns.append(values)
    return [record(*values) for values in zip(*columns, strict=True)]


if __name__ == "__main__":
    sys.stdout.write(describe_tables())
