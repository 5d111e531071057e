"""The Arrow schemas of a run's tables.

Names, types and nullability follow from the dataclasses of sr_core.records, descriptions of metrics
from sr_core.metrics.registry; this module describes the other columns.
`python -m sr_core.archive.schemas` prints the column tables of docs/run-layout.md.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime
from types import NoneType
from typing import Any, get_args, get_type_hints

import pyarrow as pa

from sr_core.errors import ErrorClass
from sr_core.metrics.metric import Metric
from sr_core.metrics.registry import METRICS
from sr_core.metrics.trust.entries import TRUST
from sr_core.records import (
    ManifestRow,
    MetricsRow,
    PlannedImage,
    PlannedSidecar,
    Sidecar,
    Spots,
    Status,
)

FORMAT_VERSION = "1"


def _structs(*names: str) -> pa.DataType:
    return pa.list_(pa.struct([pa.field(name, pa.string(), nullable=False) for name in names]))


_SPOT = pa.struct([pa.field("x_px", pa.int64()), pa.field("y_px", pa.int64())])
_ARROW_TYPES: dict[Any, pa.DataType] = {
    bool: pa.bool_(),
    int: pa.int64(),  # even where int32 would do: width_px * height_px must not overflow in SQL
    float: pa.float64(),
    str: pa.string(),
    Status: pa.string(),
    ErrorClass: pa.string(),
    datetime: pa.timestamp("us", tz="UTC"),
    tuple[str, ...]: pa.list_(pa.string()),
    Spots: pa.struct([pa.field(each.name, _SPOT) for each in METRICS if each.has_spot]),
    tuple[PlannedSidecar, ...]: _structs("key", "output_key"),
    tuple[Sidecar, ...]: _structs("key", "output_key", "sha256"),
}
_UNITS = {"_px": "px", "_bytes": "bytes", "_ms": "ms"}

_MANIFEST_COLUMNS = {
    "image_id": "first 16 hexadecimal digits of a SHA-256 of the key (and its occurrence)",
    "key": "path of the source relative to the source root, parts joined by '/'",
    "size_bytes": "size of the source file",
    "etag": "version of the source as reported by its store",
    "modified_at": "last modification of the source",
    "format": "format of the source, detected from its content: JPEG, PNG, ...",
    "mode": "pixel layout of the source: RGB, L, CMYK, ...",
    "width_px": "width of the source after EXIF orientation",
    "height_px": "height of the source after EXIF orientation",
    "pages": "pages of the source (TIFF), else 1",
    "reference_key": "key of the true high-resolution image, if any",
    "status": "ok; failed, skipped or duplicate if that is known before the run",
    "error_class": "reason why the file is not upscaled; null exactly if status is ok",
    "error_message": "the reason in words",
}
_PLAN_COLUMNS = {
    "shard": "number of the shard within its round; the rows are sorted by it",
    "output_key": "path of the output relative to the run's root; null if there will be none",
    "output_format": "format of the output: jpeg, png, webp, tiff, jxl, ptif",
    "output_width_px": "width of the output",
    "output_height_px": "height of the output",
    "sidecars": "sidecars to copy, and the keys of the copies; null if the run copies none",
}
_METRICS_COLUMNS: dict[str, str | Metric] = {
    "image_id": "the image, as in the plan",
    "key": "path of the source relative to the source root",
    "round": "0, and one more for each further plan; the latest round of an image counts",
    "shard": "number of the shard within its round",
    "attempt": "the attempt that committed the shard",
    "status": "ok: the output exists; failed: it does not; skipped: the file is no photograph; "
    "duplicate: the key is listed twice",
    "error_class": "reason why there is no output; null exactly if status is ok",
    "error_message": "the reason in words",
    "warnings": "remarks on an image that is ok, or from before it failed",
    "source_uri": "address that the source was read from",
    "source_size_bytes": "number of bytes read",
    "source_etag": "version of the source that was read",
    "source_sha256": "SHA-256 of the bytes read, hexadecimal",
    "format_in": "format of the source, detected from its content",
    "mode_in": "pixel layout of the source before conversion",
    "bit_depth": "bits per channel of the source and the output",
    "width_in_px": "width of the source after EXIF orientation",
    "height_in_px": "height of the source after EXIF orientation",
    "pages": "number of pages upscaled",
    "orientation_in": "EXIF orientation of the source, 1 to 8",
    "decoded_share": "share of the source that was decoded; below 1 only in a run with --salvage",
    "output_key": "path of the output relative to the run's root",
    "format_out": "format of the output",
    "width_out_px": "width of the output",
    "height_out_px": "height of the output",
    "output_size_bytes": "size of the output in storage",
    "output_sha256": "SHA-256 of the output in storage, hexadecimal",
    "sidecars": "copies of the source's sidecars; null if the run copies none",
    "adopted": "true if an earlier attempt wrote the output and this one read it back",
    "same_pixels_as": "image_id of an identical source whose upscaled pixels were reused",
    "model": "model that upscaled: its name or file; null for adopted outputs",
    "model_scale": "scale of its network, before resizing; null as model is, and for interpolation",
    "model_reason": "why auto chose the model; 'named' if the user did; null as model is",
    "engine": "engine that computed the network; null for interpolation and adopted outputs",
    "precision": "precision that the engine computed in: float32, half, int8; null as engine is",
    "device": "model of the CPU or GPU that upscaled; null for adopted outputs",
    **{metric.name: metric for metric in METRICS},
    "spots": "place in the output where each measure of trust is worst: spots.outlier.x_px, ...",
    "fetch_ms": "time to read the source, retries included",
    "decode_ms": "time to decode the source",
    "device_wait_ms": "time the device waited for this image",
    "upscale_ms": "time to upscale",
    "measure_ms": "time to measure quality",
    "encode_ms": "time to encode the output",
    "put_ms": "time to write the output, or to read back an adopted one",
    "finished_at": "time at which the image was finished",
    "worker": "process that did the work",
}


def plain_type(annotation: object) -> object:
    """Take `| None` off a type."""
    parts = [part for part in get_args(annotation) if part is not NoneType]
    return parts[0] if len(parts) == 1 and NoneType in get_args(annotation) else annotation


def describe_tables() -> str:
    """Describe the columns of all tables as Markdown."""
    own_of_plan = [PLAN_SCHEMA.field(name) for name in PLAN_OWN_COLUMNS]
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
        kind = "struct" if pa.types.is_struct(column.type) else column.type
        lines.append(f"| `{column.name}` | `{kind}` | {unit} | {null} | {description} |")
    return "\n".join(lines) + "\n"


def _arrow_fields(record: type, columns: Mapping[str, str | Metric]) -> list[pa.Field]:
    hints = get_type_hints(record)
    names = [field.name for field in fields(record) if hints[field.name] is not ManifestRow]
    return [_arrow_field(name, hints[name], columns[name]) for name in names]


def _arrow_field(name: str, annotation: object, column: str | Metric) -> pa.Field:
    nullable = NoneType in get_args(annotation)
    metadata = _metadata(name, column) if isinstance(column, str) else _metric_metadata(column)
    return pa.field(name, _ARROW_TYPES[plain_type(annotation)], nullable, metadata)


def _metadata(name: str, description: str) -> dict[str, str]:
    unit = next((unit for suffix, unit in _UNITS.items() if name.endswith(suffix)), None)
    return {"description": description} | ({"unit": unit} if unit else {})


def _metric_metadata(metric: Metric) -> dict[str, str]:
    unit = {"unit": metric.unit} if metric.unit else {}
    return unit | {
        "description": metric.description,
        "label": metric.label,
        "direction": metric.direction,
        "needs": metric.needs,
        "protocol": metric.protocol,
    }


def _schema(table: str, columns: list[pa.Field]) -> pa.Schema:
    return pa.schema(columns, {"srfleet.table": table, "srfleet.format_version": FORMAT_VERSION})


_MANIFEST_FIELDS = _arrow_fields(ManifestRow, _MANIFEST_COLUMNS)
MANIFEST_SCHEMA = _schema("manifest", _MANIFEST_FIELDS)
"""Columns of ManifestRow. A written manifest adds the metadata key srfleet.source."""
PLAN_OWN_COLUMNS = tuple(_PLAN_COLUMNS)
"""Columns that a plan has in addition to those of the manifest."""
PLAN_SCHEMA = _schema("plan", _MANIFEST_FIELDS + _arrow_fields(PlannedImage, _PLAN_COLUMNS))
"""Columns of ManifestRow, then PLAN_OWN_COLUMNS. A written plan adds the metadata keys
srfleet.run_id and srfleet.round."""
METRICS_SCHEMA = _schema("metrics", _arrow_fields(MetricsRow, _METRICS_COLUMNS))
"""Columns of MetricsRow. A committed part adds the metadata keys srfleet.run_id, srfleet.round and
srfleet.shard, and srfleet.versions: JSON of the versions that computed it, by package."""
LATER_COLUMNS = frozenset(
    {"decoded_share", "device", "model", "model_reason", "model_scale", "precision", "sidecars"}
).union({"spots"}, (metric.name for metric in TRUST))
"""Columns that plans and parts of earlier versions do not have; they are read as nulls."""


if __name__ == "__main__":
    sys.stdout.write(describe_tables())
