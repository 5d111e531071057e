"""The contract of stores, on a disk with and without hard links and on two S3 servers."""

from __future__ import annotations

import io
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sr_core.archive.ledger.layout import OWN_NAMES
from sr_core.archive.storage import Store, open_store
from sr_core.errors import ErrorClass, ImageError, StorageError
from tests.integration.storage.conftest import PART_BYTES

ODD_KEYS = [
    "a b/#1 100%+?&=;,@'\"!$*.png",
    " leading and trailing ",
    "%2e%2e/a%2Fb.jpg",
    "a+b/a b/a%20b",
    "caf\u00e9.jpg",
    "cafe\u0301.jpg",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467/\U0001f4f7.png",
    "...",
    "UPPER/a.JPG",
    "upper/a.jpg",
    "<html>&amp;.jpg",
]


def keys(store: Store, prefix: str = "") -> list[str]:
    return [info.key for info in store.list(prefix)]


def test_what_was_put_is_read_back_and_described(store: Store) -> None:
    assert store.put_if_absent("images/a.png", b"0123456789", {"srfleet-attempt": "a1"})
    assert store.read("images/a.png") == b"0123456789"
    info = store.head("images/a.png")
    assert info is not None
    assert (info.key, info.size_bytes) == ("images/a.png", 10)
    assert info.etag
    assert info.modified_at is not None
    assert abs(datetime.now(UTC) - info.modified_at) < timedelta(minutes=1)
    assert info.modified_at.tzinfo is UTC
    assert store.read_object("images/a.png") == (b"0123456789", info)
    listed = next(iter(store.list()))
    assert (listed.key, listed.size_bytes, listed.etag) == (info.key, 10, info.etag)


def test_the_second_put_is_refused_and_changes_nothing(store: Store) -> None:
    assert store.put_if_absent("run.json", b"first") is True
    assert store.put_if_absent("run.json", b"second") is False
    assert store.read("run.json") == b"first"


@pytest.mark.parametrize("size", [1000, PART_BYTES + 1], ids=["one put", "in parts"])
def test_of_eight_racing_threads_one_wins_and_its_bytes_stand(
    store: Store, size: int, request: pytest.FixtureRequest
) -> None:
    if size > PART_BYTES and "seaweed" in request.node.name:
        pytest.skip("SeaweedFS checks and completes an upload in two steps; two have won a race")
    bodies = [bytes([number]) * size for number in range(8)]
    start = threading.Barrier(len(bodies))

    def put(body: bytes) -> bool:
        start.wait()
        return store.put_if_absent("metrics/shard-00000.parquet", body)

    with ThreadPoolExecutor(len(bodies)) as pool:
        won = list(pool.map(put, bodies))
    assert won.count(True) == 1
    assert store.read("metrics/shard-00000.parquet") == bodies[won.index(True)]
    assert keys(store) == ["metrics/shard-00000.parquet"]


def test_a_large_body_goes_in_parts_with_its_metadata_and_only_once(store: Store) -> None:
    body = bytes(range(256)) * ((PART_BYTES + 4096) // 256)
    assert store.put_if_absent("images/big.png", body, {"srfleet-run": "r1"})
    assert not store.put_if_absent("images/big.png", body[:-1])
    assert store.read("images/big.png") == body
    if store.uri.startswith("s3:"):
        assert store.metadata("images/big.png") == {"srfleet-run": "r1"}
        assert store.read_object("images/big.png")[1].etag.endswith("-2")


def test_parts_of_an_object_are_read_up_to_its_end(store: Store) -> None:
    store.put_if_absent("a.jpg", b"0123456789")
    assert store.read("a.jpg", start=2, length=3) == b"234"
    assert store.read("a.jpg", length=4) == b"0123"
    assert store.read("a.jpg", start=7) == b"789"
    assert store.read("a.jpg", start=8, length=100) == b"89"
    assert store.read("a.jpg", start=10) == b""
    assert store.read("a.jpg", start=50, length=5) == b""
    assert store.read("a.jpg", length=0) == b""


def test_an_empty_object_is_an_object(store: Store) -> None:
    assert store.put_if_absent("empty.jpg", b"")
    assert not store.put_if_absent("empty.jpg", b"x")
    assert store.read("empty.jpg") == b""
    assert store.read("empty.jpg", length=100) == b""
    assert [(info.key, info.size_bytes) for info in store.list()] == [("empty.jpg", 0)]


def test_what_is_not_there_is_none_or_not_found(store: Store) -> None:
    store.put_if_absent("folder/a.jpg", b"x")
    for key in ("b.jpg", "folder", "folder/a.jpg/b", "other/a.jpg"):
        assert store.head(key) is None
        for read in (store.read, store.read_object, store.arrow_file, store.metadata):
            with pytest.raises(StorageError) as caught:
                read(key)
            assert caught.value.error_class is ErrorClass.NOT_FOUND
            assert key in caught.value.message


def test_an_object_over_the_limit_is_refused(store: Store) -> None:
    store.put_if_absent("a.tif", b"x" * 1000)
    assert len(store.read_object("a.tif", max_bytes=1000)[0]) == 1000
    with pytest.raises(StorageError, match="1000 bytes, over 999") as caught:
        store.read_object("a.tif", max_bytes=999)
    assert caught.value.error_class is ErrorClass.TOO_LARGE


def test_an_etag_changes_with_the_content(store: Store) -> None:
    store.replace("report.html", b"one")
    before = store.head("report.html")
    store.replace("report.html", b"other")
    after = store.head("report.html")
    assert before
    assert after
    assert before.etag != after.etag
    assert store.read("report.html") == b"other"


def test_odd_characters_in_keys_mean_themselves(store: Store) -> None:
    assert all(store.put_if_absent(key, key.encode()) for key in ODD_KEYS)
    assert not any(store.put_if_absent(key, b"other") for key in ODD_KEYS)
    assert sorted(keys(store)) == sorted(ODD_KEYS)
    for key in ODD_KEYS:
        assert store.read_object(key)[0] == key.encode()
        assert store.head(key)
        assert key in keys(store, key[:3])


def test_a_backslash_is_an_ordinary_character(store: Store) -> None:
    assert store.put_if_absent("photos\\2020\\a.jpg", b"body")
    assert store.read("photos\\2020\\a.jpg") == b"body"


def test_a_hostile_key_is_refused_by_every_method(store: Store) -> None:
    calls: list[Callable[[str], object]] = [
        store.head,
        store.metadata,
        store.read,
        store.read_object,
        store.arrow_file,
        lambda key: store.put_if_absent(key, b"x"),
        lambda key: store.replace(key, b"x"),
    ]
    for key in ("../a.jpg", "/etc/passwd", "a//b", "s3://b/a", "a\0b", "~/a"):
        for call in calls:
            with pytest.raises(ImageError) as caught:
                call(key)
            assert caught.value.error_class is ErrorClass.KEY_REJECTED
    assert keys(store) == []


def test_a_listing_is_complete_over_many_pages_and_holds_to_its_prefix(store: Store) -> None:
    names = [f"{folder}/{number:02}.jpg" for folder in ("a", "a-b", "b") for number in range(15)]
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda name: store.put_if_absent(name, b"x"), names))
    assert sorted(keys(store)) == names if "a-b" > "a/" else sorted(names)
    assert keys(store, "a/") == [f"a/{number:02}.jpg" for number in range(15)]
    assert sorted(keys(store, "a")) == sorted(name for name in names if name.startswith("a"))
    assert keys(store, "b/1") == [f"b/1{number}.jpg" for number in range(5)]
    assert keys(store, "c") == []
    assert keys(store, "nowhere/at/all") == []


def test_a_listing_is_in_the_order_of_keys(store: Store, request: pytest.FixtureRequest) -> None:
    names = ["a", "a.jpg", "a!/x", "a-b/x", "a-b.jpg", "a/b/c", "a0", "B", "\u00e9", "\U0001f4f7"]
    if store.uri.startswith("file:") or "seaweed" in request.node.name:
        names.remove("a")  # it is a folder
    for name in names:
        store.put_if_absent(name, b"x")
    assert keys(store) == sorted(names)


def test_a_store_travels_between_processes_by_pickle(store: Store) -> None:
    store.put_if_absent("a.jpg", b"x")
    copy: Store = pickle.loads(pickle.dumps(store))
    assert copy.uri == store.uri
    assert copy.read("a.jpg") == b"x"
    assert open_store(store.uri).read("a.jpg") == b"x"


def test_pyarrow_reads_one_row_group_of_a_table(store: Store) -> None:
    buffer = io.BytesIO()
    table = pa.table({"image_id": [f"{number:016x}" for number in range(1000)]})
    pq.write_table(table, buffer, row_group_size=100)
    store.put_if_absent("plan.parquet", buffer.getvalue())
    with store.arrow_file("plan.parquet") as file:
        group = pq.ParquetFile(file).read_row_group(7)
    assert group["image_id"][0].as_py() == f"{700:016x}"


def test_the_probe_finds_that_overwrites_are_refused_and_leaves_nothing(store: Store) -> None:
    assert store.refuses_overwrites()
    assert keys(store) == []
    assert store.remove_leftovers(OWN_NAMES, older_than_s=0) == 0
