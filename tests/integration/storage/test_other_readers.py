"""The tables of a run on S3, read with an auditor's tools: s3fs, pyarrow and pandas."""

from __future__ import annotations

import io
import uuid

import pandas
import pyarrow.dataset
import pytest
import s3fs

from sr_core.archive.source.manifest import list_source, write_manifest
from sr_core.archive.source.opening import open_source
from sr_core.archive.source.user_tables import read_user_table
from sr_core.archive.storage import open_store
from sr_core.errors import ConfigurationError
from tests.integration.storage.conftest import prefix_of, set_environment
from tests.support.servers import S3Server
from tests.support.small_run import planned_images, work


@pytest.fixture
def metrics(moto: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """Finish a run of three shards on S3; return the address of its metrics."""
    set_environment(monkeypatch, moto.environment())
    store = open_store(f"s3://{moto.bucket}/{uuid.uuid4().hex}")
    work(store, planned_images(7, per_shard=3), "first", sick={"album/4.jpg"})
    return f"{moto.bucket}/{prefix_of(store)}metrics"


def test_pyarrow_reads_one_row_for_each_image(metrics: str) -> None:
    filesystem = s3fs.S3FileSystem(skip_instance_cache=True)
    table = pyarrow.dataset.dataset(metrics, filesystem=filesystem).to_table()
    assert sorted(table["key"].to_pylist()) == [f"album/{number}.jpg" for number in range(7)]
    assert table["status"].to_pylist().count("ok") == 6


def test_pandas_reads_why_an_image_failed(metrics: str) -> None:
    frame = pandas.read_parquet(f"s3://{metrics}")
    failed = frame[frame["status"] == "failed"]
    assert failed[["key", "error_class"]].to_numpy().tolist() == [["album/4.jpg", "network"]]


def test_a_users_own_table_in_a_bucket_names_the_images(
    moto: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_environment(monkeypatch, moto.environment())
    store = open_store(f"s3://{moto.bucket}/{uuid.uuid4().hex}")
    store.put_if_absent("list.csv", f"uri\na.jpg\n{store.uri}/b.jpg\ns3://other/c.jpg\n".encode())
    rows = read_user_table(f"{store.uri}/list.csv", store)
    assert [row.key for row in rows] == ["a.jpg", "b.jpg", "s3://other/c.jpg"]
    with pytest.raises(ConfigurationError, match=r"cannot read the table .*/gone\.parquet"):
        read_user_table(f"{store.uri}/gone.parquet", store)


def test_a_manifest_in_a_bucket_stands_for_its_source(
    moto: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_environment(monkeypatch, moto.environment())
    photos = open_store(f"s3://{moto.bucket}/{uuid.uuid4().hex}")
    photos.put_if_absent("album/a.jpg", b"a")
    file = io.BytesIO()
    write_manifest(list_source(photos), file, photos.uri)
    lists = open_store(f"s3://{moto.bucket}/{uuid.uuid4().hex}")
    lists.put_if_absent("photos.parquet", file.getvalue())
    source = open_source(f"{lists.uri}/photos.parquet")
    assert source.store.uri == photos.uri
    assert source.table()["key"].to_pylist() == ["album/a.jpg"]
    with pytest.raises(ConfigurationError, match=r"gone\.parquet does not exist"):
        open_source(f"{lists.uri}/gone.parquet")
