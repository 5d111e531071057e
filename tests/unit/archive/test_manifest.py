"""Manifests: one row per file of a source, written and hashed deterministically."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from sr_core.archive.schemas import MANIFEST_SCHEMA
from sr_core.archive.source.manifest import (
    SOURCE_METADATA,
    digest_in_key_order,
    image_id,
    list_source,
    manifest_digest,
    read_manifest,
    write_manifest,
)
from sr_core.archive.source.probing import probe_rows
from sr_core.archive.storage import Store, open_store
from sr_core.archive.tables import manifest_rows, manifest_table
from sr_core.errors import ConfigurationError, ErrorClass
from sr_core.records import ManifestRow, Status


def _image(size: tuple[int, int] = (20, 10), kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (90, 120, 30)).save(file, kind, **options)
    return file.getvalue()


@pytest.fixture
def photos(tmp_path: Path) -> Store:
    """Create a realistic folder: photographs among all kinds of other files."""
    folder = tmp_path / "my photos"
    turned = Image.Exif()
    turned[0x0112] = 6
    files = {
        "b/2.jpg": _image((31, 17), "JPEG", exif=turned),
        "b/10.png": _image(),
        "a.tif": _image(kind="TIFF"),
        "Thumbs.db": b"\xd0\xcf\x11\xe0 not an image",
        "empty.jpg": b"",
        "page.jpg": b"<html>404</html>",
        "cut.png": _image()[:20],
    }
    for key, data in files.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return open_store(str(folder))


def _by_key(rows: Iterator[ManifestRow]) -> dict[str, ManifestRow]:
    return {row.key: row for row in rows}


def test_every_file_becomes_one_row_in_key_order(photos: Store) -> None:
    rows = list(probe_rows(photos, list_source(photos)))
    assert [row.key for row in rows] == sorted(info.key for info in photos.list())
    assert [row.image_id for row in rows] == [image_id(row.key) for row in rows]


def test_a_photograph_is_described_by_its_header_after_orientation(photos: Store) -> None:
    row = _by_key(probe_rows(photos, list_source(photos)))["b/2.jpg"]
    info = photos.head("b/2.jpg")
    assert info is not None
    assert (row.format, row.mode, row.width_px, row.height_px, row.pages) == (
        "JPEG",
        "RGB",
        17,
        31,
        1,
    )
    assert (row.size_bytes, row.etag, row.modified_at) == (
        info.size_bytes,
        info.etag,
        info.modified_at,
    )
    assert (row.status, row.error_class, row.error_message) == (Status.OK, None, None)


@pytest.mark.parametrize(
    ("key", "error_class", "words"),
    [
        ("empty.jpg", ErrorClass.DECODE, "empty"),
        ("page.jpg", ErrorClass.UNSUPPORTED_FORMAT, "named .jpg, but .* markup"),
        ("cut.png", ErrorClass.DECODE, "truncated"),
    ],
)
def test_what_is_no_image_becomes_a_failed_row(
    photos: Store, key: str, error_class: ErrorClass, words: str
) -> None:
    row = _by_key(probe_rows(photos, list_source(photos)))[key]
    assert (row.status, row.error_class) == (Status.FAILED, error_class)
    assert re.search(words, str(row.error_message))


def test_a_system_file_becomes_a_skipped_row(photos: Store) -> None:
    row = _by_key(probe_rows(photos, list_source(photos)))["Thumbs.db"]
    assert (row.status, row.error_class) == (Status.SKIPPED, ErrorClass.SYSTEM_FILE)


def test_two_scans_give_the_same_rows(photos: Store) -> None:
    rows = [list(probe_rows(photos, list_source(photos), threads=threads)) for threads in (7, 1)]
    assert rows[0] == rows[1]


def test_the_runs_own_output_inside_the_source_is_no_part_of_it(photos: Store) -> None:
    outputs = open_store(f"{photos.uri}/my%20output")
    outputs.put_if_absent("images/a.png", _image())
    photos.put_if_absent("my output 2.png", _image())
    photos.put_if_absent("manifest.parquet", b"PAR1")
    left_out = [outputs.uri, f"{photos.uri}/manifest.parquet"]
    every_key = {row.key for row in list_source(photos)}
    assert every_key - {row.key for row in list_source(photos, left_out)} == {
        "my output/images/a.png",
        "manifest.parquet",
    }


def test_an_output_root_that_is_the_source_is_refused(photos: Store) -> None:
    with pytest.raises(ConfigurationError, match="both source and output"):
        list(list_source(photos, [photos.uri]))


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX only")
def test_a_name_that_is_not_unicode_becomes_a_rejected_row_between_any_others(
    photos: Store, tmp_path: Path
) -> None:
    for name in (b"\xe9.png", "\uff46.png".encode(), "\U0001f600.png".encode()):
        (tmp_path / "my photos" / os.fsdecode(name)).write_bytes(_image())
    sink = io.BytesIO()
    summary = write_manifest(probe_rows(photos, list_source(photos)), sink, photos.uri)
    assert (summary.rows, summary.failed[ErrorClass.KEY_REJECTED]) == (10, 1)


@pytest.mark.skipif(os.name != "posix", reason="symbolic links")
def test_a_link_out_of_the_source_is_rejected_and_not_read(photos: Store, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(_image())
    (tmp_path / "my photos" / "link.png").symlink_to(tmp_path / "secret.png")
    row = _by_key(probe_rows(photos, list_source(photos)))["link.png"]
    assert (row.status, row.error_class) == (Status.FAILED, ErrorClass.KEY_REJECTED)
    assert row.width_px is None


def test_a_written_manifest_reads_back_with_its_source(photos: Store, tmp_path: Path) -> None:
    path = tmp_path / "manifest.parquet"
    summary = write_manifest(probe_rows(photos, list_source(photos)), path, photos.uri)
    table = read_manifest(path)
    assert manifest_rows(table) == list(probe_rows(photos, list_source(photos)))
    assert table.schema.metadata[SOURCE_METADATA].decode() == photos.uri
    assert summary.digest == manifest_digest(table)
    assert (summary.rows, summary.images, summary.unprobed, summary.duplicates) == (7, 3, 0, 0)
    assert summary.megapixels == pytest.approx((31 * 17 + 2 * 20 * 10) / 1e6)
    assert summary.size_bytes == sum(info.size_bytes for info in photos.list())
    assert summary.failed == {ErrorClass.UNSUPPORTED_FORMAT: 1, ErrorClass.DECODE: 2}
    assert summary.skipped == {ErrorClass.SYSTEM_FILE: 1}


def test_a_scan_that_breaks_off_leaves_no_manifest(photos: Store, tmp_path: Path) -> None:
    def rows() -> Iterator[ManifestRow]:
        yield from list_source(photos)
        raise ConfigurationError("the listing broke off")

    with pytest.raises(ConfigurationError, match="broke off"):
        write_manifest(rows(), tmp_path / "manifest.parquet", photos.uri)
    assert [path.name for path in tmp_path.iterdir()] == ["my photos"]


def test_rows_out_of_order_are_refused() -> None:
    rows = [ManifestRow(image_id(key), key) for key in ("b", "a")]
    with pytest.raises(ValueError, match="key order"):
        write_manifest(rows, io.BytesIO(), "file:///photos")


def test_the_digest_is_what_the_documented_code_computes(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "manifest.md").read_text(encoding="utf-8")
    block = re.search(r"```python\n(import hashlib.*?)```", page, re.DOTALL)
    assert block
    rows = [
        ManifestRow(image_id("a é.jpg"), "a é.jpg", 7, '"tag"', reference_key="r.png"),
        ManifestRow(image_id("b.jpg"), "b.jpg"),
    ]
    path = tmp_path / "photos.parquet"
    summary = write_manifest(rows, path, "file:///photos")
    found: dict[str, str] = {}
    exec(block[1].replace("photos.parquet", path.as_posix()), found)
    assert found["digest"] == summary.digest


def test_the_digest_follows_the_sources_and_not_the_file_or_the_probes(photos: Store) -> None:
    listed, probed = list(list_source(photos)), list(probe_rows(photos, list_source(photos)))
    digest = manifest_digest(manifest_table(probed))
    assert manifest_digest(manifest_table(listed)) == digest
    chunked = pa.concat_tables([manifest_table([row]) for row in probed])
    assert manifest_digest(chunked) == digest
    photos.replace("a.tif", _image((8, 8)))
    assert manifest_digest(manifest_table(list(probe_rows(photos, list_source(photos))))) != digest


def test_a_manifest_that_another_tool_filtered_is_still_one(photos: Store, tmp_path: Path) -> None:
    whole, part = tmp_path / "manifest.parquet", tmp_path / "part.parquet"
    write_manifest(probe_rows(photos, list_source(photos)), whole, photos.uri)
    duckdb.sql(f"COPY (SELECT * FROM '{whole}' WHERE format = 'JPEG') TO '{part}' (FORMAT parquet)")
    table = read_manifest(part)
    assert table.schema.equals(MANIFEST_SCHEMA)
    assert [row.key for row in manifest_rows(table)] == ["b/2.jpg"]


def test_a_table_that_is_no_manifest_is_refused_by_name(tmp_path: Path) -> None:
    other, damaged = tmp_path / "other.parquet", tmp_path / "damaged.parquet"
    pq.write_table(pa.table({"uri": ["a"]}), other)
    damaged.write_bytes(b"PAR1")
    for path in (other, damaged, tmp_path / "absent.parquet"):
        with pytest.raises(ConfigurationError, match=path.name):
            read_manifest(path)


def test_ids_are_sixteen_hexadecimal_digits_that_tell_occurrences_apart() -> None:
    ids = {image_id("a.jpg"), image_id("a.jpg", 1), image_id("a.jpg", 2), image_id("A.jpg")}
    assert len(ids) == 4
    assert all(len(each) == 16 and int(each, 16) >= 0 for each in ids)
    assert image_id("a.jpg") == hashlib.sha256(b"a.jpg").hexdigest()[:16]


def test_the_digest_in_key_order_is_that_of_a_written_manifest(tmp_path: Path) -> None:
    rows = [ManifestRow(image_id(key), key, size_bytes=1) for key in ("a", "b", "c", "d")]
    again = [ManifestRow(image_id("b", number), "b") for number in (1, 2, 3)]
    ordered = [rows[0], rows[1], *again, *rows[2:]]
    digest = manifest_digest(manifest_table(ordered))
    for order in ([6, 5, 4, 3, 2, 1, 0], [4, 1, 0, 3, 2, 6, 5]):
        shuffled = manifest_table([ordered[place] for place in order])
        assert manifest_digest(shuffled) != digest
        assert digest_in_key_order(shuffled) == digest
    assert digest_in_key_order(manifest_table([])) == manifest_digest(manifest_table([]))
