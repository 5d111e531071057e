"""The ledger on every kind of store: runs, plans, outputs, commits, rounds and progress."""

from __future__ import annotations

import hashlib
import pickle
import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sr_core.archive.ledger.history import list_parts
from sr_core.archive.ledger.layout import RUN_KEY, part_name, plan_name, success_name
from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.ledger.runs import to_json
from sr_core.archive.schemas import MANIFEST_SCHEMA
from sr_core.archive.storage import Store, open_store
from sr_core.archive.tables import manifest_rows
from sr_core.audit.verify.checks import verify_run
from sr_core.errors import (
    ConfigurationError,
    DamagedError,
    ErrorClass,
    ImageError,
    RetryLaterError,
)
from sr_core.records import MetricsRow, Status
from tests.support.servers import S3Server, moto_server, seaweed_server
from tests.support.small_run import (
    CONFIG,
    begin,
    contents,
    failed_row,
    plan_bytes,
    plan_retry,
    planned_images,
    process_round,
    record,
    work,
)
from tests.support.watched_store import WatchedStore

IMAGES = planned_images(5, per_shard=2, refused={1})
SERVERS = ["moto", pytest.param("seaweed", marks=pytest.mark.slow)]
SICK = {"album/2.jpg", "album/3.jpg", "album/4.jpg"}


@pytest.fixture(scope="module")
def moto() -> Iterator[S3Server]:
    with moto_server() as server:
        yield server


@pytest.fixture(scope="module")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with seaweed_server(tmp_path_factory.mktemp("seaweed")) as server:
        yield server


@pytest.fixture(params=SERVERS)
def bucket_store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Open a separate prefix in a bucket of each server."""
    return _prefix_in(request.getfixturevalue(request.param), monkeypatch)


@pytest.fixture(params=["disk", *SERVERS])
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Store:
    """Open an empty root on each kind of store."""
    if request.param == "disk":
        return open_store(str(tmp_path))
    return _prefix_in(request.getfixturevalue(request.param), monkeypatch)


def _prefix_in(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Store:
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    return open_store(f"s3://{server.bucket}/{secrets.token_hex(8)}")


@pytest.fixture
def ledger(store: Store) -> Ledger:
    """Begin a run with a plan of three shards."""
    return begin(store, IMAGES)


def put(ledger: Ledger, key: str, data: bytes, **changes: str) -> bool:
    facts = {"run_id": record().run_id, "attempt": "a", "sha256": hashlib.sha256(data).hexdigest()}
    return ledger.put_image(key, data, **facts | changes)


def rows_of(shard: int, attempt: str, round_index: int = 0) -> list[MetricsRow]:
    return [
        failed_row(image, ErrorClass.DECODE, round_index, attempt)
        for image in IMAGES
        if image.shard == shard
    ]


class TestRun:
    def test_an_empty_root_holds_no_run(self, store: Store) -> None:
        assert Ledger(store).run() is None
        with pytest.raises(ConfigurationError, match=r"holds no run: .* give the root of a run"):
            Ledger(store).snapshot()

    def test_the_first_start_writes_the_record(self, store: Store) -> None:
        assert Ledger(store).open_run(record()) == record()
        assert store.read(RUN_KEY) == to_json(record())

    def test_a_later_start_goes_on_with_the_record_of_the_first(self, store: Store) -> None:
        Ledger(store).open_run(record())
        upgraded = replace(
            record(), versions={"srfleet": "0.2.0"}, created_at=datetime(2030, 1, 1, tzinfo=UTC)
        )
        assert Ledger(store).open_run(upgraded) == record()

    def test_another_configuration_is_refused_and_leaves_the_root_as_it_is(
        self, store: Store
    ) -> None:
        work(store, IMAGES, "a")
        before = contents(store)
        with pytest.raises(ConfigurationError, match=r"scale: 4 -> 2\nGive another output root"):
            Ledger(store).open_run(record(config=CONFIG | {"scale": 2}))
        assert contents(store) == before

    def test_outputs_without_a_run_are_not_taken_for_our_own(self, store: Store) -> None:
        store.put_if_absent("images/holiday.jpg", b"somebody else's")
        with pytest.raises(ConfigurationError, match=r"images/holiday\.jpg but no run\.json"):
            Ledger(store).open_run(record())
        assert store.head(RUN_KEY) is None

    def test_a_driver_that_begins_the_run_at_the_same_moment_is_no_stranger(
        self, store: Store
    ) -> None:
        def do_it_all_before_the_listing() -> None:
            if watched.calls == {"read": 1, "list": 1}:
                work(store, IMAGES, "the quicker one")

        watched = WatchedStore(store, before=do_it_all_before_the_listing)
        assert Ledger(watched).open_run(record()) == record()
        assert Ledger(store).snapshot().progress.finished

    def test_a_damaged_record_is_named(self, store: Store) -> None:
        store.put_if_absent(RUN_KEY, b"{")
        with pytest.raises(ConfigurationError, match=r"run\.json is not the record of a run"):
            Ledger(store).open_run(record())


class TestPlan:
    def test_a_root_has_the_rounds_that_have_a_plan(self, store: Store) -> None:
        ledger = Ledger(store)
        ledger.open_run(record())
        assert ledger.rounds() == []
        ledger.put_plan(0, plan_bytes(record().run_id, IMAGES))
        ledger.put_plan(1, plan_bytes(record().run_id, IMAGES[:1], 1))
        assert ledger.rounds() == [0, 1]

    def test_the_first_plan_of_a_round_holds(self, ledger: Ledger) -> None:
        standing = ledger.store.read(plan_name(0))
        assert not ledger.put_plan(0, plan_bytes(record().run_id, IMAGES[:1]))
        assert ledger.store.read(plan_name(0)) == standing


class TestImage:
    def test_an_output_is_written_once(self, ledger: Ledger) -> None:
        assert put(ledger, "images/a.jpg", b"first")
        assert not put(ledger, "images/a.jpg", b"second")
        assert ledger.store.read("images/a.jpg") == b"first"

    def test_what_this_run_wrote_is_adopted_by_a_later_attempt(self, ledger: Ledger) -> None:
        put(ledger, "images/a.jpg", b"first")
        assert ledger.adoptable("images/a.jpg", record().run_id) == b"first"

    def test_there_is_nothing_to_adopt_where_nothing_was_written(self, ledger: Ledger) -> None:
        assert ledger.adoptable("images/a.jpg", record().run_id) is None

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"run_id": "another"}, "belongs to run another; it was left unchanged"),
            ({"sha256": "0" * 64}, "does not match its SHA-256"),
        ],
        ids=["another run's", "damaged"],
    )
    def test_where_there_are_metadata_they_must_fit(
        self, bucket_store: Store, changes: dict[str, str], message: str
    ) -> None:
        ledger = begin(bucket_store, IMAGES)
        put(ledger, "images/a.jpg", b"first", **changes)
        with pytest.raises(ImageError, match=message) as caught:
            ledger.adoptable("images/a.jpg", record().run_id)
        assert caught.value.error_class is ErrorClass.CONFLICT

    def test_an_object_that_no_run_wrote_is_a_conflict(self, bucket_store: Store) -> None:
        ledger = begin(bucket_store, IMAGES)
        bucket_store.put_if_absent("images/a.jpg", b"somebody else's")
        with pytest.raises(ImageError, match="belongs to no run of srfleet") as caught:
            ledger.adoptable("images/a.jpg", record().run_id)
        assert caught.value.error_class is ErrorClass.CONFLICT


class TestCommit:
    def test_the_first_attempt_commits_and_the_second_is_told(self, ledger: Ledger) -> None:
        assert ledger.commit(0, 0, rows_of(0, "first"))
        standing = ledger.store.read(part_name(0, 0))
        assert not ledger.commit(0, 0, rows_of(0, "second"))
        assert ledger.store.read(part_name(0, 0)) == standing

    def test_a_commit_whose_answer_was_lost_is_still_its_own(self, ledger: Ledger) -> None:
        rows = rows_of(0, "first")
        ledger.commit(0, 0, rows)
        assert ledger.commit(0, 0, rows)

    def test_committed_shards_are_known_from_one_listing(self, ledger: Ledger) -> None:
        ledger.commit(0, 2, rows_of(2, "a"))
        ledger.commit(0, 0, rows_of(0, "a"))
        counting = WatchedStore(ledger.store)
        assert {part.shard for part in list_parts(counting)} == {0, 2}
        assert counting.calls == Counter(list=1)

    def test_rounds_do_not_commit_for_each_other(self, ledger: Ledger) -> None:
        ledger.commit(1, 7, [replace(row, shard=7) for row in rows_of(0, "a", 1)])
        ledger.commit(0, 123_456, [replace(row, shard=123_456) for row in rows_of(0, "a")])
        committed = {(part.round_index, part.shard) for part in list_parts(ledger.store)}
        assert committed == {(0, 123_456), (1, 7)}

    def test_other_objects_under_metrics_commit_nothing(self, ledger: Ledger) -> None:
        for name in ("shard-1", "shard-000001", "round-0-shard-00001", "shard-00001.parquet.old"):
            ledger.store.put_if_absent(f"metrics/{name}.parquet", b"")
        assert list_parts(ledger.store) == []

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"round": 1}, "is not of round 0, shard 0"),
            ({"shard": 1}, "is not of round 0, shard 0"),
            ({"error_class": None}, "failed without an error class"),
            ({"status": Status.OK}, "ok with error class decode"),
            ({"image_id": IMAGES[1].image.image_id}, "names an image twice"),
        ],
    )
    def test_rows_that_contradict_themselves_are_never_committed(
        self, ledger: Ledger, change: dict[str, object], message: str
    ) -> None:
        first, second = rows_of(0, "a")
        with pytest.raises(ValueError, match=message):
            ledger.commit(0, 0, [replace(first, **change), second])
        assert list_parts(ledger.store) == []


class TestFinish:
    def test_a_round_closes_when_every_shard_is_committed(self, store: Store) -> None:
        success = work(store, IMAGES, "a", sick=SICK)
        assert (success.shards, success.images) == (3, 5)
        assert success.statuses == {Status.OK: 1, Status.FAILED: 4}
        assert success.error_classes == {
            ErrorClass.NETWORK: 3,
            ErrorClass.UNSUPPORTED_FORMAT: 1,
        }

    def test_a_round_with_missing_shards_does_not_close(self, ledger: Ledger) -> None:
        ledger.commit(0, 1, rows_of(1, "a"))
        with pytest.raises(RetryLaterError, match="2 of 3 shards of round 0 are not committed"):
            ledger.finish_round(ledger.snapshot(), 0)
        assert ledger.store.head(success_name(0)) is None

    def test_a_finished_run_started_again_writes_nothing(self, store: Store) -> None:
        first = work(store, IMAGES, "a")
        counting = WatchedStore(store)
        assert work(counting, IMAGES, "b") == first
        assert counting.calls["put_if_absent"] == 0
        assert verify_run(store) == []


class TestRounds:
    def test_the_latest_round_speaks_for_an_image(self, ledger: Ledger) -> None:
        process_round(ledger, 0, "a", sick=SICK)
        process_round(ledger, plan_retry(ledger), "b", sick={"album/3.jpg"})
        states = {
            row["image_id"]: (row["round"], row["status"], row["error_class"])
            for row in ledger.latest_rows().to_pylist()
        }
        assert states == {
            IMAGES[0].image.image_id: (0, "ok", None),
            IMAGES[1].image.image_id: (1, "failed", "unsupported_format"),
            IMAGES[2].image.image_id: (1, "ok", None),
            IMAGES[3].image.image_id: (1, "failed", "network"),
            IMAGES[4].image.image_id: (1, "ok", None),
        }

    def test_the_next_round_is_planned_from_the_images_that_are_still_failed(
        self, ledger: Ledger
    ) -> None:
        process_round(ledger, 0, "a", sick=SICK)
        process_round(ledger, plan_retry(ledger), "b", sick={"album/3.jpg"})
        failed = ledger.failed_images(ledger.snapshot())
        assert failed.schema.names == MANIFEST_SCHEMA.names
        assert {row.key for row in manifest_rows(failed)} == {"album/1.txt", "album/3.jpg"}

    def test_a_run_without_failures_has_nothing_to_retry(self, store: Store) -> None:
        work(store, planned_images(2, per_shard=1), "a")
        assert len(Ledger(store).snapshot().failed_ids()) == 0

    def test_other_columns_can_be_asked_for(self, store: Store) -> None:
        work(store, IMAGES, "a")
        table = Ledger(store).latest_rows(["image_id", "attempt"])
        assert table.column("attempt").to_pylist() == ["a"] * 5

    def test_a_damaged_part_is_named(self, ledger: Ledger) -> None:
        ledger.store.put_if_absent(part_name(0, 1), b"PAR1 but no table")
        with pytest.raises(DamagedError, match=r"shard-00001\.parquet is not a readable table"):
            ledger.latest_rows()

    def test_a_part_of_other_columns_is_named(self, ledger: Ledger) -> None:
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table({"image_id": ["x"]}), sink)
        ledger.store.put_if_absent(part_name(0, 1), sink.getvalue().to_pybytes())
        with pytest.raises(DamagedError, match=r"shard-00001\.parquet does not have the columns"):
            ledger.latest_rows()


class TestProgress:
    def test_a_run_without_a_plan_has_nothing_to_do_yet(self, store: Store) -> None:
        Ledger(store).open_run(record())
        progress = Ledger(store).snapshot().progress
        assert (progress.rounds, progress.images, progress.finished) == (0, 0, False)
        assert progress.last_commit_at is None

    def test_a_run_whose_driver_died_tells_what_is_left(self, ledger: Ledger) -> None:
        ledger.commit(0, 1, rows_of(1, "a"))
        progress = Ledger(ledger.store).snapshot().progress
        assert progress.run == record()
        assert (progress.shards, progress.shards_left) == (3, 2)
        assert (progress.images, progress.images_left) == (5, 3)
        # 80 x 40 px each; one image of shard 0 has no output
        assert progress.megapixels == pytest.approx(4 * 0.0032)
        assert progress.megapixels_left == pytest.approx(2 * 0.0032)
        assert progress.statuses == {Status.FAILED: 2}
        assert progress.error_classes == {ErrorClass.DECODE: 2}
        assert progress.last_commit_at is not None
        assert not progress.finished

    def test_an_image_that_is_tried_again_counts_once(self, ledger: Ledger) -> None:
        process_round(ledger, 0, "a", sick=SICK)
        ledger.finish_round(ledger.snapshot(), 0)
        assert ledger.snapshot().progress.finished
        retry = plan_retry(ledger)
        waiting = ledger.snapshot().progress
        assert (waiting.rounds, waiting.images, waiting.images_left) == (2, 5, 4)
        assert (waiting.shards, waiting.shards_left) == (5, 2)
        assert waiting.statuses == {Status.OK: 1, Status.FAILED: 4}
        assert not waiting.finished
        process_round(ledger, retry, "b")
        ledger.finish_round(ledger.snapshot(), retry)
        done = ledger.snapshot().progress
        assert (done.images, done.images_left, done.shards_left) == (5, 0, 0)
        assert done.statuses == {Status.OK: 4, Status.FAILED: 1}
        assert done.megapixels_left == 0
        assert done.finished


def test_a_ledger_crosses_process_boundaries(ledger: Ledger) -> None:
    copy = pickle.loads(pickle.dumps(ledger))
    assert copy.run() == record()


def test_the_query_of_the_page_on_the_run_layout_counts_the_latest_round(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "run-layout.md").read_text(encoding="utf-8")
    query = page.split("```sql\n")[1].split("```")[0]
    ledger = begin(open_store(str(tmp_path)), IMAGES)
    process_round(ledger, 0, "a", sick=SICK)
    process_round(ledger, plan_retry(ledger), "b", sick={"album/3.jpg"})
    assert set(duckdb.sql(query.replace("'out/", f"'{tmp_path}/")).fetchall()) == {
        ("ok", None, 3),
        ("failed", "network", 1),
        ("failed", "unsupported_format", 1),
    }
