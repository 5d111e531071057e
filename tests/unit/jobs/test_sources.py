"""The SOURCE argument: which sources can be listed again, and which are frozen."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sr_core.archive.source.manifest import list_source, write_manifest
from sr_core.archive.source.opening import open_source
from sr_core.archive.storage import open_store
from sr_core.errors import ConfigurationError
from tests.support.photographs import write_photographs


def test_a_folder_is_listed_anew_without_the_output_in_it(tmp_path: Path) -> None:
    keys = write_photographs(tmp_path, 2)
    source = open_source(str(tmp_path), leave_out=[open_store(str(tmp_path / "out")).uri])
    later = write_photographs(tmp_path / "later", 1)
    write_photographs(tmp_path / "out", 1)
    assert source.manifest is None
    assert {row.key for row in source.listed()} == {*keys, *(f"later/{key}" for key in later)}


def test_a_manifest_stands_for_the_files_it_names_only(tmp_path: Path) -> None:
    keys = write_photographs(tmp_path / "photos", 2)
    store = open_store(str(tmp_path / "photos"))
    manifest = tmp_path / "photos.parquet"
    write_manifest(list_source(store), manifest, store.uri)
    write_photographs(tmp_path / "photos" / "later", 1)
    source = open_source(str(manifest))
    assert source.manifest == str(manifest)
    assert source.table().column("key").to_pylist() == sorted(keys)
    with pytest.raises(ConfigurationError, match=r"a manifest is frozen: give the folder .*since"):
        source.listed()


def test_a_manifest_is_one_wherever_it_lies(tmp_path: Path) -> None:
    keys = write_photographs(tmp_path / "photos", 2)
    store = open_store(str(tmp_path / "photos"))
    (tmp_path / "lists").mkdir()
    manifest = tmp_path / "lists/photos.parquet"
    write_manifest(list_source(store), manifest, store.uri)
    (tmp_path / "link.parquet").symlink_to(manifest)
    for address in (manifest.as_uri(), str(tmp_path / "link.parquet")):
        source = open_source(address)
        assert source.store.uri == store.uri
        assert source.table().column("key").to_pylist() == sorted(keys)
    with pytest.raises(ConfigurationError, match=r"gone\.parquet"):
        open_source(f"{manifest.parent.as_uri()}/gone.parquet")


def test_a_manifest_whose_metadata_another_tool_dropped_gets_its_source_again(
    tmp_path: Path,
) -> None:
    keys = write_photographs(tmp_path / "photos", 2)
    store = open_store(str(tmp_path / "photos"))
    manifest = tmp_path / "photos.parquet"
    write_manifest(list_source(store), manifest, store.uri)
    pq.write_table(pq.read_table(manifest).replace_schema_metadata(), manifest)
    with pytest.raises(ConfigurationError, match=r"--root SOURCE"):
        open_source(str(manifest))
    source = open_source(str(manifest), root=store.uri)
    assert [row.key for row in source.listed()] == sorted(keys)


def test_a_damaged_manifest_is_refused_by_name(tmp_path: Path) -> None:
    write_photographs(tmp_path / "photos", 1)
    store = open_store(str(tmp_path / "photos"))
    manifest = tmp_path / "photos.parquet"
    write_manifest(list_source(store), manifest, store.uri)
    manifest.write_bytes(manifest.read_bytes().replace(b"image_id", b"\xff" * 8))
    with pytest.raises(ConfigurationError, match=r"photos\.parquet is not a readable Parquet file"):
        open_source(str(manifest))
