"""Tables: records survive Arrow and Parquet, every reader opens them, docs describe them."""

from __future__ import annotations

import io
import math
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sr_core.archive import schemas, tables
from sr_core.errors import ErrorClass
from sr_core.metrics.registry import METRICS
from sr_core.records import ManifestRow, MetricsRow, PlannedImage, Status

BARE = ManifestRow(image_id="00ff00ff00ff00ff", key="a/b.jpg")
FULL = ManifestRow(
    image_id="0123456789abcdef",
    key="Ünïcode/日本.tif",
    size_bytes=1 << 40,
    etag="abc",
    modified_at=datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=UTC),
    format="TIFF",
    mode="RGB",
    width_px=(1 << 32) - 1,
    height_px=7,
    pages=3,
    reference_key="hr/日本.tif",
    status=Status.FAILED,
    error_class=ErrorClass.TOO_LARGE,
    error_message="4294967295 x 7 px is more than …",
)
OK_ROW = MetricsRow(
    image_id=FULL.image_id,
    key=FULL.key,
    round=1,
    shard=42,
    attempt="attempt-1",
    status=Status.OK,
    warnings=("one", "two"),
    psnr_y_db=math.inf,
    ssim_y=1.0,
    adopted=True,
    finished_at=datetime(2024, 5, 6, tzinfo=timezone(timedelta(hours=2))),
)


def parquet_round_trip(table: pa.Table) -> pa.Table:
    return pq.read_table(io.BytesIO(tables.to_parquet(table)))


def test_manifest_rows_survive_parquet() -> None:
    rows = [BARE, FULL]
    assert tables.manifest_rows(parquet_round_trip(tables.manifest_table(rows))) == rows


def test_planned_images_survive_parquet() -> None:
    rows = [
        PlannedImage(BARE, 0, "images/a/b.jpg", "jpeg", 400, 300),
        PlannedImage(FULL, 9, None, None, None, None),
    ]
    assert tables.plan_rows(parquet_round_trip(tables.plan_table(rows))) == rows


def test_metrics_rows_survive_parquet() -> None:
    failed = replace(OK_ROW, status=Status.FAILED, error_class=ErrorClass.DECODE, warnings=())
    rows = [OK_ROW, failed]
    assert tables.metrics_rows(parquet_round_trip(tables.metrics_table(rows))) == rows


def test_enums_come_back_as_enums() -> None:
    row = tables.manifest_rows(tables.manifest_table([FULL]))[0]
    assert type(row.status) is Status
    assert type(row.error_class) is ErrorClass


def test_no_rows_make_an_empty_table_of_the_schema() -> None:
    table = parquet_round_trip(tables.metrics_table([]))
    assert table.num_rows == 0
    assert table.schema.equals(schemas.METRICS_SCHEMA)


def test_an_undefined_number_is_stored_as_null_and_infinity_as_infinity() -> None:
    table = tables.metrics_table([replace(OK_ROW, ssim_y=math.nan)])
    assert table.column("ssim_y").null_count == 1
    assert table.column("psnr_y_db")[0].as_py() == math.inf


def test_text_that_is_not_unicode_is_escaped_instead_of_losing_the_shard() -> None:
    row = replace(OK_ROW, error_message="cannot read \udcff", warnings=("tag \ud800",))
    read = tables.metrics_rows(parquet_round_trip(tables.metrics_table([row, OK_ROW])))
    assert read == [
        replace(row, error_message="cannot read \\udcff", warnings=("tag \\ud800",)),
        OK_ROW,
    ]


def test_a_null_where_none_may_be_is_refused() -> None:
    with pytest.raises(ValueError, match="column key must not be null"):
        tables.manifest_table([replace(BARE, key=None)])


def test_every_field_of_a_record_is_a_column_in_its_order() -> None:
    manifest = [field.name for field in fields(ManifestRow)]
    assert schemas.MANIFEST_SCHEMA.names == manifest
    assert schemas.PLAN_SCHEMA.names == manifest + [f.name for f in fields(PlannedImage)][1:]
    assert schemas.METRICS_SCHEMA.names == [field.name for field in fields(MetricsRow)]


def test_columns_named_for_a_unit_state_it() -> None:
    assert schemas.METRICS_SCHEMA.field("psnr_y_db").metadata[b"unit"] == b"dB"
    assert schemas.METRICS_SCHEMA.field("width_out_px").metadata[b"unit"] == b"px"
    assert b"unit" not in schemas.METRICS_SCHEMA.field("ssim_y").metadata


def test_a_metric_column_carries_all_that_the_registry_says_of_it() -> None:
    for metric in METRICS:
        assert schemas.METRICS_SCHEMA.field(metric.name).metadata == {
            name.encode(): value.encode()
            for name, value in {
                "label": metric.label,
                "unit": metric.unit,
                "direction": metric.direction,
                "needs": metric.needs,
                "description": metric.description,
                "protocol": metric.protocol,
            }.items()
            if value
        }


def test_a_part_keeps_the_format_version_beside_what_its_writer_adds() -> None:
    data = tables.to_parquet(tables.metrics_table([OK_ROW]), {"srfleet.run_id": "77"})
    metadata = pq.read_schema(io.BytesIO(data)).metadata
    assert metadata[b"srfleet.run_id"] == b"77"
    assert metadata[b"srfleet.format_version"] == schemas.FORMAT_VERSION.encode()
    assert metadata[b"srfleet.table"] == b"metrics"


def test_the_same_rows_make_the_same_bytes() -> None:
    first, second = (tables.to_parquet(tables.metrics_table([OK_ROW])) for _ in range(2))
    assert first == second


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """Write two parts as a run would, one of them without any warning, error or metric."""
    for shard, row in enumerate([OK_ROW, MetricsRow("ff", "b.png", 0, 1, "a", Status.OK)]):
        data = tables.to_parquet(tables.metrics_table([row]), {"srfleet.shard": str(shard)})
        (tmp_path / f"shard-{shard:05d}.parquet").write_bytes(data)
    return tmp_path


def test_duckdb_reads_a_glob_of_parts(parts: Path) -> None:
    query = (
        "SELECT count(*), sum(isinf(psnr_y_db)::int), max(len(warnings)), "
        f"max(epoch(finished_at)) FROM '{parts}/*.parquet'"
    )
    midnight = datetime(2024, 5, 5, 22, tzinfo=UTC).timestamp()
    assert duckdb.sql(query).fetchall() == [(2, 1, 2, midnight)]


def test_pyarrow_and_pandas_read_a_folder_of_parts(parts: Path) -> None:
    pandas = pytest.importorskip("pandas")
    assert pq.read_table(parts).num_rows == 2
    frame = pandas.read_parquet(parts)
    assert list(frame["status"]) == ["ok", "ok"]
    assert str(frame["finished_at"].dtype).endswith("UTC]")


def test_the_page_on_the_run_layout_has_the_columns_as_they_are() -> None:
    page = Path(__file__).parents[3] / "docs" / "run-layout.md"
    assert page.read_text(encoding="utf-8").endswith(schemas.describe_tables())
