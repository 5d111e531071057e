"""S3 Inventory reports in place of a listing: both formats, versions, encoded keys, refusals."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sr_core.archive.source.inventory import inventoried_bucket, read_inventory
from sr_core.archive.source.manifest import image_id, list_source
from sr_core.archive.source.probing import probe_rows
from sr_core.archive.storage import Store, open_store
from sr_core.errors import ConfigurationError
from sr_core.records import ManifestRow
from tests.support.servers import S3Server, moto_server

COLUMNS = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag"
TIME = "2026-05-01T10:20:30.000Z"
# As S3 writes them: quoted, keys URL-encoded, + for a space.
CSV_ROWS = [
    ("photos/b+c%2B%C3%A9.jpg", "v1", "true", "false", "30", TIME, "e1"),
    ("photos/a.jpg", "v3", "true", "false", "10", TIME, "e2"),
    ("photos/a.jpg", "v2", "false", "false", "99", TIME, "old"),
    ("photos/gone.jpg", "v1", "true", "true", "", TIME, ""),
    ("photos/folder/", "v1", "true", "false", "0", TIME, "e3"),
    ("photos/", "v1", "true", "false", "0", TIME, "e3"),
    ("photos2/x.jpg", "v1", "true", "false", "5", TIME, "e4"),
    ("top.jpg", "v1", "true", "false", "6", TIME, "e5"),
]
EXPECTED = [("a.jpg", 10, "e2"), ("b c+é.jpg", 30, "e1")]


@pytest.fixture
def photos() -> Store:
    """Return the source; reading a report sends it no requests."""
    return open_store("s3://my-bucket/photos")


class Report:
    """An inventory report under a folder that mirrors its destination bucket."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.uri = str(folder / "inv/my-bucket/daily/2026-05-01T01-00Z/manifest.json")

    def write(self, file_format: str, schema: str, files: dict[str, bytes]) -> str:
        names = [f"inv/my-bucket/daily/data/{name}" for name in files]
        for name, data in zip(names, files.values(), strict=True):
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        content = {
            "sourceBucket": "my-bucket",
            "destinationBucket": "arn:aws:s3:::reports",
            "version": "2016-11-30",
            "fileFormat": file_format,
            "fileSchema": schema,
            "files": [{"key": name, "size": 1, "MD5checksum": "0" * 32} for name in names],
        }
        Path(self.uri).parent.mkdir(parents=True, exist_ok=True)
        Path(self.uri).write_text(json.dumps(content))
        return self.uri


@pytest.fixture
def report(tmp_path: Path) -> Report:
    return Report(tmp_path)


def _csv(rows: list[tuple[str, ...]]) -> bytes:
    lines = (",".join(f'"{value}"' for value in ("my-bucket", *row)) for row in rows)
    return gzip.compress("".join(f"{line}\n" for line in lines).encode())


def _parquet(rows: list[dict[str, Any]], last_modified: pa.DataType) -> bytes:
    time = datetime(2026, 5, 1, 10, 20, 30, tzinfo=UTC)
    columns: dict[str, Any] = {
        name: [row.get(name) for row in rows]
        for name in ("bucket", "key", "is_latest", "is_delete_marker", "size", "e_tag")
    }
    columns["last_modified_date"] = pa.array([time] * len(rows)).cast(last_modified)
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def _told(rows: Iterator[ManifestRow]) -> list[tuple[str, int | None, str | None]]:
    return [(row.key, row.size_bytes, row.etag) for row in rows]


def test_csv_gives_the_latest_versions_under_the_prefix(report: Report, photos: Store) -> None:
    uri = report.write(
        "CSV", COLUMNS, {"1.csv.gz": _csv(CSV_ROWS[:2]), "2.csv.gz": _csv(CSV_ROWS[2:])}
    )
    rows = list(read_inventory(uri, photos))
    assert _told(iter(rows)) == EXPECTED
    assert rows[0].image_id == image_id("a.jpg")
    assert rows[0].modified_at == datetime(2026, 5, 1, 10, 20, 30, tzinfo=UTC)


def test_parquet_keys_are_plain_text(report: Report, photos: Store) -> None:
    rows = [
        {"key": "photos/b c+é.jpg", "size": 30, "e_tag": "e1", "is_latest": True},
        {"key": "photos/a%2Bb.jpg", "size": 10, "e_tag": "e2", "is_latest": True},
        {"key": "photos/a.jpg", "size": 9, "e_tag": "e2", "is_latest": False},
        {"key": "photos/x.jpg", "is_latest": True, "is_delete_marker": True},
    ]
    uri = report.write(
        "Parquet", "message s3.inventory {}", {"1.parquet": _parquet(rows, pa.timestamp("ms"))}
    )
    assert _told(read_inventory(uri, photos)) == [("a%2Bb.jpg", 10, "e2"), ("b c+é.jpg", 30, "e1")]


def test_a_report_of_few_columns_leaves_the_rest_to_the_probes(
    report: Report, photos: Store
) -> None:
    rows = [("photos/b.jpg",), ("photos/a.jpg",)]
    uri = report.write("CSV", "Bucket, Key", {"1.csv.gz": _csv(rows)})
    assert _told(read_inventory(uri, photos)) == [("a.jpg", None, None), ("b.jpg", None, None)]


def test_a_bucket_as_the_source_takes_all_its_keys(report: Report) -> None:
    uri = report.write("CSV", COLUMNS, {"1.csv.gz": _csv(CSV_ROWS)})
    assert inventoried_bucket(uri) == "s3://my-bucket"
    keys = [row.key for row in read_inventory(uri, open_store("s3://my-bucket"))]
    assert keys == ["photos/a.jpg", "photos/b c+é.jpg", "photos2/x.jpg", "top.jpg"]


@pytest.mark.parametrize("source", ["s3://other-bucket", "s3://my-bucket-2/photos", "."])
def test_a_report_of_another_bucket_is_refused(report: Report, source: str) -> None:
    uri = report.write("CSV", COLUMNS, {"1.csv.gz": _csv(CSV_ROWS)})
    with pytest.raises(ConfigurationError, match="lists the bucket s3://my-bucket"):
        read_inventory(uri, open_store(source))


def test_orc_is_refused_with_what_to_do(report: Report, photos: Store) -> None:
    uri = report.write("ORC", "struct<>", {"1.orc": b"ORC"})
    with pytest.raises(ConfigurationError, match=r"ORC cannot be read.*Parquet or CSV"):
        read_inventory(uri, photos)


def test_a_damaged_file_of_a_report_is_refused(report: Report, photos: Store) -> None:
    uri = report.write("CSV", COLUMNS, {"1.csv.gz": _csv(CSV_ROWS)[:-12]})
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_inventory(uri, photos)


def test_a_report_whose_files_are_not_there_is_refused(report: Report, photos: Store) -> None:
    uri = report.write("CSV", COLUMNS, {"1.csv.gz": _csv(CSV_ROWS)})
    (Path(uri).parents[1] / "data" / "1.csv.gz").unlink()
    with pytest.raises(ConfigurationError, match=r"1\.csv\.gz is in none of the folders"):
        read_inventory(uri, photos)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"sourceBucket": "b", "files": 3}'])
def test_a_file_that_is_no_report_is_refused(tmp_path: Path, photos: Store, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ConfigurationError, match=r"not the manifest\.json of an S3 Inventory"):
        read_inventory(str(tmp_path / "manifest.json"), photos)


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with moto_server() as server:
        yield server


def test_in_s3_a_report_gives_the_rows_of_a_scan(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    png = (
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x05\0\0\0\x04\x08\x02\0\0\0"
        b"\x9d\xd3\xd7\x41\0\0\0\0IDAT\0\0\0\0IEND\xaeB`\x82"
    )
    photos = open_store(f"s3://{s3.bucket}/photos")
    for key in ("a.png", "b c+é.png", "z/notes.txt"):
        photos.put_if_absent(key, png if key.endswith("png") else b"notes")
    scanned = list(probe_rows(photos, list_source(photos)))
    rows: list[tuple[str, ...]] = [
        ("photos/z/notes.txt", "v", "true", "false", "5", TIME, str(scanned[2].etag)),
        ("photos/a.png", "v", "true", "false", str(len(png)), TIME, str(scanned[0].etag)),
        (
            "photos/b+c%2B%C3%A9.png",
            "v",
            "true",
            "false",
            str(len(png)),
            TIME,
            str(scanned[1].etag),
        ),
    ]
    local = Path(Report(tmp_path).write("CSV", COLUMNS, {"1.csv.gz": _csv(rows)}))
    content = local.read_text().replace('"my-bucket"', f'"{s3.bucket}"')
    reports = open_store(f"s3://{s3.bucket}")
    reports.put_if_absent("inv/my-bucket/daily/x/manifest.json", content.encode())
    data = (tmp_path / "inv/my-bucket/daily/data/1.csv.gz").read_bytes()
    reports.put_if_absent("inv/my-bucket/daily/data/1.csv.gz", data)
    uri = f"s3://{s3.bucket}/inv/my-bucket/daily/x/manifest.json"
    inventoried = list(probe_rows(photos, read_inventory(uri, photos)))
    assert [(r.key, r.format, r.width_px, r.etag, r.error_class) for r in inventoried] == [
        (r.key, r.format, r.width_px, r.etag, r.error_class) for r in scanned
    ]
    assert [r.width_px for r in scanned] == [5, 5, None]
