"""A user's own table as the source: names, references, hints, duplicates and refusals."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from sr_core.archive.source.manifest import image_id, write_manifest
from sr_core.archive.source.probing import probe_rows
from sr_core.archive.source.user_tables import read_user_table
from sr_core.archive.storage import Store, open_store
from sr_core.errors import ConfigurationError, ErrorClass
from sr_core.records import ManifestRow, Status


@pytest.fixture
def photos(tmp_path: Path) -> Store:
    file = io.BytesIO()
    Image.new("RGB", (9, 7)).save(file, "PNG")
    store = open_store(str(tmp_path / "my photos"))
    for key in ("a.png", "b/c, d.png", "truth/a.png"):
        store.put_if_absent(key, file.getvalue())
    return store


@pytest.fixture
def folder(tmp_path: Path, photos: Store) -> str:
    return str(tmp_path / "my photos")


def _csv(tmp_path: Path, text: str, name: str = "table.csv") -> str:
    path = tmp_path / name
    data = text.encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return str(path)


def test_names_may_be_relative_or_in_full(tmp_path: Path, photos: Store, folder: str) -> None:
    table = _csv(
        tmp_path, f'uri\n{photos.uri}/a.png\n"{folder}/b/c, d.png"\n./truth/a.png\nmissing.png\n'
    )
    rows = list(probe_rows(photos, read_user_table(table, photos)))
    assert [row.key for row in rows] == ["a.png", "b/c, d.png", "missing.png", "truth/a.png"]
    assert [row.error_class for row in rows] == [None, None, ErrorClass.NOT_FOUND, None]
    assert rows[0].image_id == image_id("a.png")


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../a.png", "file:///etc/passwd", "file://{folder}/%2E%2E/x", "s3://b/a.png"],
)
def test_names_outside_the_root_become_rejected_rows(
    tmp_path: Path, photos: Store, folder: str, name: str
) -> None:
    table = _csv(tmp_path, f"uri\n{name.format(folder=folder)}\na.png\n")
    rows = list(probe_rows(photos, read_user_table(table, photos)))
    assert len(rows) == 2
    (rejected,) = (row for row in rows if row.key != "a.png")
    assert (rejected.status, rejected.error_class) == (Status.FAILED, ErrorClass.KEY_REJECTED)


def test_an_empty_name_is_a_row_too(tmp_path: Path, photos: Store) -> None:
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table({"uri": ["a.png", None, ""]}), path)
    rows = list(probe_rows(photos, read_user_table(str(path), photos)))
    assert [row.status for row in rows] == [Status.FAILED, Status.DUPLICATE, Status.OK]
    assert rows[0].error_class is ErrorClass.KEY_REJECTED


def test_a_file_named_again_is_a_duplicate_with_an_id_of_its_own(
    tmp_path: Path, photos: Store
) -> None:
    table = _csv(
        tmp_path,
        f"uri,ref\na.png,truth/a.png\nb.png,\n{photos.uri}/a.png,other.png\na.png,\n",
    )
    rows = list(read_user_table(table, photos, reference_column="ref"))
    first, *again, last = rows
    assert (first.key, first.status, first.reference_key) == ("a.png", Status.OK, "truth/a.png")
    assert [row.status for row in again] == [Status.DUPLICATE] * 2
    assert [row.error_class for row in again] == [ErrorClass.DUPLICATE_KEY] * 2
    assert len({row.image_id for row in rows}) == 4
    assert (last.key, last.status, last.reference_key) == ("b.png", Status.OK, None)
    summary = write_manifest(rows, io.BytesIO(), photos.uri)
    assert (summary.images, summary.duplicates, summary.failed) == (2, 2, {})


def test_references_may_be_in_full_and_must_lie_under_the_root(
    tmp_path: Path, photos: Store
) -> None:
    table = _csv(tmp_path, f'key,hr\na.png,{photos.uri}/truth/a.png\n"b/c, d.png",../secret.png\n')
    rows = list(probe_rows(photos, read_user_table(table, photos, reference_column="hr")))
    assert (rows[0].status, rows[0].reference_key) == (Status.OK, "truth/a.png")
    assert (rows[1].status, rows[1].error_class) == (Status.FAILED, ErrorClass.KEY_REJECTED)


@pytest.mark.parametrize("name", ["table.csv", "table.csv.gz"])
def test_csv_columns_are_taken_by_name_and_names_stay_text(
    tmp_path: Path, photos: Store, name: str
) -> None:
    table = _csv(tmp_path, 'note,path\n"two\nlines",007\nx,1e3\n', name)
    assert [row.key for row in read_user_table(table, photos)] == ["007", "1e3"]


def test_parquet_is_read_like_csv(tmp_path: Path, photos: Store) -> None:
    path = tmp_path / "table.parquet"
    names = pa.array(["a.png", "b/c, d.png"]).dictionary_encode()
    pq.write_table(pa.table({"id": [1, 2], "file": names, "hr": ["truth/a.png", None]}), path)
    rows = list(read_user_table(str(path), photos, uri_column="file", reference_column="hr"))
    assert [(row.key, row.reference_key) for row in rows] == [
        ("a.png", "truth/a.png"),
        ("b/c, d.png", None),
    ]


def test_widths_and_heights_stand_only_until_the_header_is_read(
    tmp_path: Path, photos: Store
) -> None:
    table = _csv(tmp_path, "uri,width,height_px\na.png,4000,3000\nb.png,0,5\nc.png,,\n")
    hinted = list(read_user_table(table, photos))
    assert [(row.width_px, row.height_px) for row in hinted] == [
        (4000, 3000),
        (None, None),
        (None, None),
    ]
    probed = next(probe_rows(photos, hinted))
    assert (probed.width_px, probed.height_px) == (9, 7)


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("name,size\na.png,1\n", {}, "--uri-column: name, size"),
        ("uri\na.png\n", {"uri_column": "file"}, "no column file, only uri"),
        ("uri\na.png\n", {"reference_column": "hr"}, "no column hr"),
        ("uri,width\na.png,wide\n", {}, "wide"),
        ("", {}, "cannot read the table"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_in_words(
    tmp_path: Path, photos: Store, text: str, options: dict[str, str], words: str
) -> None:
    table = _csv(tmp_path, text)
    with pytest.raises(ConfigurationError, match=words):
        list(read_user_table(table, photos, **options))


@pytest.mark.parametrize("name", ["absent.csv", "absent.parquet", "photos.xlsx"])
def test_a_file_that_is_no_table_is_refused_by_name(
    tmp_path: Path, photos: Store, name: str
) -> None:
    with pytest.raises(ConfigurationError, match=name):
        list(read_user_table(str(tmp_path / name), photos))


def test_a_table_without_rows_gives_none(tmp_path: Path, photos: Store) -> None:
    assert list(read_user_table(_csv(tmp_path, "uri\n"), photos)) == []


def test_rows_are_in_key_order_whatever_the_order_of_the_table(
    tmp_path: Path, photos: Store
) -> None:
    table = _csv(tmp_path, "uri\nb\nÄ\na/1\na.b\na\n\U0001f600\n\uff46\n")
    rows: list[ManifestRow] = list(read_user_table(table, photos))
    assert [row.key for row in rows] == sorted(row.key for row in rows)
    assert len(rows) == 7
