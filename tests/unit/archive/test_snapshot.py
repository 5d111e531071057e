"""A snapshot of a run: what is read for it, how often, and that it stays as it was."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sr_core.archive.ledger.history import list_parts, read_part
from sr_core.archive.ledger.layout import METRICS_PREFIX
from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.schemas import METRICS_SCHEMA
from sr_core.archive.storage import Store, open_store
from sr_core.errors import DamagedError, ErrorClass, RetryLaterError
from sr_core.records import Status
from tests.support.small_run import (
    begin,
    failed_row,
    plan_retry,
    planned_images,
    process_round,
    work,
)
from tests.support.watched_store import WatchedStore

IMAGES = planned_images(5, per_shard=2, refused={1})
SINCE_0_1_0 = ("precision", "device")
SICK = {"album/2.jpg", "album/3.jpg", "album/4.jpg"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path))


def part_reads(store: WatchedStore) -> dict[str, int]:
    """Count the reads of each metrics part."""
    reads: Counter[str] = Counter()
    for (method, key), count in store.keys.items():
        if key.startswith(METRICS_PREFIX) and method in ("read", "read_object", "arrow_file"):
            reads[key] += count
    return reads


def commit(ledger: Ledger, shard: int) -> None:
    rows = [
        failed_row(image, ErrorClass.DECODE, 0, "a") for image in IMAGES if image.shard == shard
    ]
    ledger.commit(0, shard, rows)


def test_a_snapshot_reads_each_part_once_and_each_plan_once(store: Store) -> None:
    work(store, IMAGES, "a")
    watched = WatchedStore(store)
    Ledger(watched).snapshot()
    assert list(part_reads(watched).values()) == [1, 1, 1]
    assert watched.calls["list"] == watched.calls["arrow_file"] == 1


def test_columns_that_are_newer_than_a_part_are_null(store: Store) -> None:
    ledger = begin(store, IMAGES)
    commit(ledger, 0)
    (part,) = list_parts(store)
    old = pq.read_table(io.BytesIO(store.read(part.key))).drop_columns([*SINCE_0_1_0])
    buffer = io.BytesIO()
    pq.write_table(old, buffer)
    before = open_store(f"{store.uri}-before")
    before.put_if_absent(part.key, buffer.getvalue())
    read = read_part(before, part.key, METRICS_SCHEMA.names)
    assert read.column_names == METRICS_SCHEMA.names
    assert read.drop_columns([*SINCE_0_1_0]).equals(old)
    assert all(read[name].null_count == read.num_rows for name in SINCE_0_1_0)
    buffer = io.BytesIO()
    pq.write_table(old.drop_columns(["engine"]), buffer)
    before.put_if_absent("metrics/shard-00001.parquet", buffer.getvalue())
    with pytest.raises(DamagedError, match="does not have the columns"):
        read_part(before, "metrics/shard-00001.parquet", METRICS_SCHEMA.names)


def test_a_later_snapshot_reads_only_what_is_new(store: Store) -> None:
    ledger = begin(store, IMAGES)
    commit(ledger, 1)
    earlier = ledger.snapshot()
    commit(ledger, 0)
    watched = WatchedStore(store)
    later = Ledger(watched).snapshot(earlier)
    assert part_reads(watched) == {"metrics/shard-00000.parquet": 1}
    assert watched.calls["arrow_file"] == 0
    assert later.pending == {0: [2]}
    assert later.progress == ledger.snapshot().progress


def test_a_snapshot_stays_as_it_was(store: Store) -> None:
    ledger = begin(store, IMAGES)
    before = ledger.snapshot()
    process_round(ledger, 0, "a")
    assert before.pending == {0: [0, 1, 2]}
    assert (before.progress.images_done, before.progress.statuses) == (0, {})


def test_a_later_snapshot_sees_a_further_round(store: Store) -> None:
    ledger = begin(store, IMAGES)
    process_round(ledger, 0, "a", sick=SICK)
    earlier = ledger.snapshot()
    process_round(ledger, plan_retry(ledger), "b", sick={"album/3.jpg"})
    later = ledger.snapshot(earlier)
    assert later.progress == ledger.snapshot().progress
    assert later.progress.statuses == {Status.OK: 3, Status.FAILED: 2}
    assert [sum(shard.images for shard in each.shards) for each in later.rounds] == [1, 4]


def test_closing_a_round_reads_each_part_once_for_its_digest(store: Store) -> None:
    ledger = begin(store, IMAGES)
    process_round(ledger, 0, "a", sick=SICK)
    state = ledger.snapshot()
    watched = WatchedStore(store)
    closed = Ledger(watched).close_rounds(state)
    assert set(part_reads(watched).values()) == {1}
    assert closed.progress == ledger.snapshot().progress
    assert closed.progress.finished
    assert not state.progress.finished


def test_rounds_with_uncommitted_shards_are_not_closed(store: Store) -> None:
    ledger = begin(store, IMAGES)
    commit(ledger, 1)
    with pytest.raises(RetryLaterError, match="2 of 3 shards of round 0"):
        ledger.close_rounds(ledger.snapshot())


def test_a_part_of_a_round_without_a_plan_does_not_count(store: Store) -> None:
    ledger = begin(store, IMAGES)
    ledger.commit(7, 0, [failed_row(IMAGES[0], ErrorClass.DECODE, 7, "a")])
    assert ledger.snapshot().progress.statuses == {}


def test_a_damaged_part_is_named(store: Store) -> None:
    ledger = begin(store, IMAGES)
    store.put_if_absent("metrics/shard-00001.parquet", b"PAR1 but no table")
    with pytest.raises(DamagedError, match=r"metrics/shard-00001\.parquet is not a readable table"):
        ledger.snapshot()
