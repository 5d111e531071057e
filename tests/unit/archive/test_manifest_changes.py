"""Changes of a source since it was planned, and images that earlier runs have done already."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sr_core.archive.planning.plan import make_plan
from sr_core.archive.source.changes import (
    LISTED_NAMES,
    Change,
    CommittedImage,
    compare_with_source,
    differences,
    leave_out_committed,
    new_rows,
    planned_rows,
)
from sr_core.archive.source.manifest import image_id, list_source
from sr_core.archive.storage import Store, open_store
from sr_core.archive.tables import manifest_table
from sr_core.config import RunConfig
from sr_core.errors import ErrorClass
from sr_core.records import ManifestRow, Status
from tests.support.watched_store import WatchedStore


def _row(key: str, size_bytes: int | None = 1, etag: str | None = "e") -> ManifestRow:
    return ManifestRow(image_id(key), key, size_bytes, etag)


def _rows(*keys: str) -> list[ManifestRow]:
    return [_row(key) for key in keys]


def test_new_changed_and_gone_files_are_counted_and_named() -> None:
    planned = _rows("a", "b", "c", "d")
    listed = [_row("b"), _row("c", etag="f"), _row("cc"), _row("d", size_bytes=2), _row("e")]
    changes = compare_with_source(planned, listed)
    assert (changes.new.count, changes.new.first_keys) == (2, ["cc", "e"])
    assert (changes.changed.count, changes.changed.first_keys) == (2, ["c", "d"])
    assert (changes.gone.count, changes.gone.first_keys) == (1, ["a"])
    assert [row.key for row in new_rows(planned, listed)] == ["cc", "e"]


def test_only_the_first_names_are_kept() -> None:
    keys = [f"{number:04d}" for number in range(1000)]
    new = compare_with_source([], _rows(*keys)).new
    assert (new.count, new.first_keys) == (1000, keys[:LISTED_NAMES])


def test_what_one_side_does_not_know_has_not_changed() -> None:
    unknown = [_row("a", size_bytes=None, etag=None)]
    assert list(differences(unknown, _rows("a"))) == []
    assert list(differences(_rows("a"), unknown)) == []


def test_a_key_that_a_table_names_twice_is_not_new() -> None:
    duplicate = replace(_row("a"), status=Status.DUPLICATE)
    assert list(differences(_rows("a"), [_row("a"), duplicate])) == []


@given(st.sets(st.text(max_size=3)), st.sets(st.text(max_size=3)))
def test_differences_are_those_of_sets(old: set[str], new: set[str]) -> None:
    found = list(differences(_rows(*sorted(old)), _rows(*sorted(new))))
    assert {row.key for change, row in found if change is Change.NEW} == new - old
    assert {row.key for change, row in found if change is Change.GONE} == old - new
    assert [row.key for _, row in found] == sorted(new ^ old)


def test_plans_of_all_rounds_are_one_sequence_in_which_the_later_round_counts() -> None:
    def plan(rows: list[ManifestRow], number: int) -> object:
        sized = [replace(row, format="PNG", width_px=9, height_px=9, pages=1) for row in rows]
        return make_plan(
            manifest_table(sized),
            run=RunConfig(),
            shard_megapixels=1,
            shard_images=2,
            round_index=number,
        ).table

    first = plan([_row("a"), _row("b"), _row("d")], 0)
    extension = plan([_row("c"), _row("b", etag="newer")], 1)
    planned = list(planned_rows([first, extension]))  # type: ignore[list-item]
    assert [(row.key, row.etag) for row in planned] == [
        ("a", "e"),
        ("b", "newer"),
        ("c", "e"),
        ("d", "e"),
    ]
    assert list(planned_rows([])) == []


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = open_store(str(tmp_path))
    for key, data in {"a.jpg": b"first", "b.jpg": b"second", "c.jpg": b"third!"}.items():
        store.put_if_absent(key, data)
    return store


def _committed(store: Store, key: str) -> CommittedImage:
    info = store.head(key)
    assert info is not None
    digest = hashlib.sha256(store.read(key)).hexdigest()
    return CommittedImage(f"{store.uri}/{key}", info.etag, info.size_bytes, digest)


def _left(store: Store, committed: list[CommittedImage]) -> list[str]:
    return [row.key for row in leave_out_committed(list_source(store), committed, store)]


def test_a_source_of_the_same_uri_and_version_is_left_out_unread(store: Store) -> None:
    watched = WatchedStore(store)
    committed = [replace(_committed(store, "b.jpg"), sha256=None)]
    assert _left(watched, committed) == ["a.jpg", "c.jpg"]  # type: ignore[arg-type]
    assert watched.calls["read"] == 0


def test_the_same_version_of_another_uri_is_another_source(store: Store) -> None:
    moved = replace(_committed(store, "b.jpg"), source_uri="s3://b/b.jpg", sha256=None)
    assert _left(store, [moved]) == ["a.jpg", "b.jpg", "c.jpg"]


def test_the_same_bytes_under_another_name_are_left_out(store: Store) -> None:
    moved = replace(_committed(store, "b.jpg"), source_uri="s3://b/x.jpg", etag="other")
    watched = WatchedStore(store)
    assert _left(watched, [moved]) == ["a.jpg", "c.jpg"]  # type: ignore[arg-type]
    assert watched.calls["read"] == 2  # b.jpg, and c.jpg, which has the same size


def test_other_bytes_of_the_same_length_stay(store: Store) -> None:
    other = CommittedImage("s3://b/x.jpg", "e", 6, hashlib.sha256(b"fourth").hexdigest())
    assert _left(store, [other]) == ["a.jpg", "b.jpg", "c.jpg"]


def test_a_row_of_a_table_is_looked_up_first(store: Store) -> None:
    named = [ManifestRow(image_id(key), key) for key in ("a.jpg", "b.jpg", "missing.jpg")]
    left = list(leave_out_committed(named, [_committed(store, "a.jpg")], store))
    assert [(row.key, row.size_bytes) for row in left] == [("b.jpg", 6), ("missing.jpg", None)]


def test_rows_that_are_refused_already_stay(store: Store) -> None:
    refused = replace(next(list_source(store)), status=Status.FAILED, error_class=ErrorClass.DECODE)
    left = list(leave_out_committed([refused], [_committed(store, "a.jpg")], store))
    assert left == [refused]
