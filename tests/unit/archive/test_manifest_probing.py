"""Header probes: few bytes, in order; a failed probe never stops the scan."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from sr_core.archive.source import probing
from sr_core.archive.source.manifest import image_id, list_source
from sr_core.archive.source.probing import probe_rows
from sr_core.archive.source.ranged_source import BUDGET_BYTES, WINDOW_BYTES
from sr_core.archive.storage import Store, open_store
from sr_core.errors import ErrorClass, StorageError, StorageUnavailableError
from sr_core.parallel import IN_FLIGHT_PER_THREAD, map_in_order
from sr_core.records import ManifestRow, Status, status_of
from tests.support.store_decorator import StoreDecorator


class ReadHook(StoreDecorator):
    """A store that reports every read before passing it on."""

    def __init__(self, store: Store, hook: Callable[[str, int, int | None], None]) -> None:
        super().__init__(store)
        self._hook = hook

    def read(
        self,
        key: str,
        *,
        start: int = 0,
        length: int | None = None,
        deadline_s: float | None = None,
    ) -> bytes:
        self._hook(key, start, length)
        return super().read(key, start=start, length=length, deadline_s=deadline_s)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path))


def _put(store: Store, key: str, data: bytes) -> None:
    store.put_if_absent(key, data)


def _png(width: int = 9, height: int = 7) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height)).save(file, "PNG")
    return file.getvalue()


def _reads(store: Store) -> tuple[list[ManifestRow], list[tuple[int, int]]]:
    """Scan; return the rows and the ranges that were read."""
    ranges: list[tuple[int, int]] = []
    hooked: Any = ReadHook(store, lambda _, start, length: ranges.append((start, length or 0)))
    return list(probe_rows(hooked, list_source(hooked))), ranges


def test_a_large_file_costs_one_read_of_its_beginning(store: Store) -> None:
    _put(store, "a.png", _png() + bytes(1 << 20))
    (row,), ranges = _reads(store)
    assert (row.width_px, row.height_px) == (9, 7)
    assert ranges == [(0, WINDOW_BYTES)]


def test_a_header_longer_than_the_first_read_is_read_on(store: Store) -> None:
    file = io.BytesIO()
    profile = os.urandom(200_000)
    Image.new("RGB", (9, 7)).save(file, "JPEG", icc_profile=profile)
    _put(store, "a.jpg", file.getvalue() + bytes(2 << 20))
    (row,), ranges = _reads(store)
    assert (row.format, row.width_px, row.height_px) == ("JPEG", 9, 7)
    assert len(ranges) == 2
    assert ranges[1][0] == WINDOW_BYTES


def test_the_directory_at_the_end_of_a_tiff_is_found_without_reading_the_pixels(
    store: Store,
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1000, 1500, 3), np.uint8)
    data = imagecodecs.tiff_encode(noise, compression="none")
    assert int.from_bytes(data[4:8], "little") > len(noise.tobytes())
    _put(store, "a.tif", data)
    (row,), ranges = _reads(store)
    assert (row.format, row.mode, row.width_px, row.height_px) == ("TIFF", "RGB", 1500, 1000)
    assert sum(length for _, length in ranges) <= 2 * WINDOW_BYTES


def test_a_header_that_costs_too_much_is_left_to_the_worker(store: Store, tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("P", (9, 7)).save(file, "GIF")
    (tmp_path / "a.gif").write_bytes(file.getvalue()[:-1])
    os.truncate(tmp_path / "a.gif", BUDGET_BYTES + (1 << 20))
    (row,), ranges = _reads(store)
    assert (row.status, row.format, row.width_px) == (Status.OK, None, None)
    assert sum(length for _, length in ranges) <= BUDGET_BYTES


@pytest.mark.parametrize(
    "error",
    [
        StorageError(ErrorClass.NETWORK, "no answer"),
        StorageError(ErrorClass.FORBIDDEN, "no permission"),
    ],
    ids=lambda error: str(error.error_class),
)
def test_trouble_on_the_way_leaves_a_row_for_the_worker_and_spares_its_neighbours(
    store: Store, error: StorageError
) -> None:
    for key in ("a.png", "b.png", "c.png"):
        _put(store, key, _png())

    def hook(key: str, start: int, length: int | None) -> None:
        if key == "b.png":
            raise error

    hooked: Any = ReadHook(store, hook)
    rows = list(probe_rows(hooked, list_source(hooked)))
    assert [row.status for row in rows] == [Status.OK] * 3
    assert [row.format for row in rows] == ["PNG", None, "PNG"]
    assert rows[1] == list(list_source(store))[1]


def test_a_store_that_is_down_stops_the_scan(store: Store) -> None:
    _put(store, "a.png", _png())

    def hook(key: str, start: int, length: int | None) -> None:
        raise StorageUnavailableError("credentials expired")

    hooked: Any = ReadHook(store, hook)
    with pytest.raises(StorageUnavailableError):
        list(probe_rows(hooked, list_source(hooked)))


def test_a_file_that_vanished_since_it_was_listed_is_not_found(
    store: Store, tmp_path: Path
) -> None:
    _put(store, "a.png", _png())
    listed = list(list_source(store))
    (tmp_path / "a.png").unlink()
    (row,) = probe_rows(store, listed)
    assert (row.status, row.error_class) == (Status.FAILED, ErrorClass.NOT_FOUND)


def test_a_file_that_shrank_since_it_was_listed_is_left_to_the_worker(store: Store) -> None:
    _put(store, "a.png", _png()[:-20])
    (listed,) = list_source(store)
    (row,) = probe_rows(store, [replace(listed, size_bytes=100_000)])
    assert (row.status, row.format) == (Status.OK, None)


def test_a_row_without_a_size_is_looked_up_and_one_that_does_not_exist_fails(
    store: Store,
) -> None:
    _put(store, "a.png", _png())
    named = [ManifestRow(image_id(key), key) for key in ("a.png", "b.png")]
    there, absent = probe_rows(store, named)
    assert there == next(probe_rows(store, list_source(store)))
    assert (absent.status, absent.error_class) == (Status.FAILED, ErrorClass.NOT_FOUND)


def test_a_row_without_a_version_is_looked_up_so_that_a_later_change_is_noticed(
    store: Store,
) -> None:
    _put(store, "a.png", _png())
    (listed,) = list_source(store)
    (row,) = probe_rows(store, [replace(listed, etag=None)])
    assert row == next(probe_rows(store, [listed]))
    assert row.etag == listed.etag


@pytest.mark.parametrize("key", ["../a.png", "/a.png", "~/a.png", "s3://b/a.png", "a\n.png", ""])
def test_a_hostile_key_is_rejected_unread_as_source_and_as_reference(
    store: Store, key: str
) -> None:
    def hook(key: str, start: int, length: int | None) -> None:
        raise AssertionError(f"{key} was read")

    hooked: Any = ReadHook(store, hook)
    hostile = ManifestRow(image_id(key), key)
    reference = ManifestRow(image_id("a.png"), "a.png", reference_key=key)
    for row in probe_rows(hooked, [hostile, reference]):
        assert (row.status, row.error_class) == (Status.FAILED, ErrorClass.KEY_REJECTED)


def test_refused_rows_pass_through(store: Store) -> None:
    refused = ManifestRow("0" * 16, "a.png", status=Status.DUPLICATE)
    assert list(probe_rows(store, [refused])) == [refused]


def test_an_animation_is_refused_but_described(store: Store) -> None:
    file = io.BytesIO()
    frames = [Image.new("L", (9, 7), shade) for shade in (0, 255)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    _put(store, "a.gif", file.getvalue())
    (row,) = probe_rows(store, list_source(store))
    assert (row.status, row.error_class) == (Status.FAILED, ErrorClass.ANIMATED)
    assert (row.format, row.width_px, row.height_px) == ("GIF", 9, 7)


def test_odd_files_each_become_a_row(shared: Path) -> None:
    odd = open_store(str(shared / "data" / "odd"))
    rows = list(probe_rows(odd, list_source(odd)))
    assert [row.key for row in rows] == [info.key for info in odd.list()]
    for row in rows:
        described = None not in (row.format, row.mode, row.width_px, row.height_px, row.pages)
        assert described or row.status is not Status.OK, row
        assert (row.error_class is None) == (row.status is Status.OK)
        if row.error_class is not None:
            assert row.status is status_of(row.error_class)


def test_many_rows_are_probed_in_processes_with_the_same_result(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        _put(store, f"{number:02d}.png", _png(number + 1) if number % 7 else b"")
    in_threads = list(probe_rows(store, list_source(store)))
    monkeypatch.setattr(probing, "FEW_ROWS", 10)
    monkeypatch.setattr(probing, "BATCH_ROWS", 8)
    assert list(probe_rows(store, list_source(store))) == in_threads


def test_results_keep_the_order_of_the_items_whichever_is_ready_first() -> None:
    second_done = threading.Event()

    def function(item: int) -> int:
        if item == 0:
            assert second_done.wait(30)
        elif item == 1:
            second_done.set()
        return item * 10

    assert list(map_in_order(function, range(4), threads=2)) == [0, 10, 20, 30]


def test_items_are_drawn_only_a_bounded_number_ahead() -> None:
    drawn: list[int] = []

    def items() -> Iterator[int]:
        for item in range(1000):
            drawn.append(item)
            yield item

    results = map_in_order(lambda item: item, items(), threads=2)
    assert next(results) == 0
    assert len(drawn) <= 2 * IN_FLIGHT_PER_THREAD
    results.close()  # type: ignore[attr-defined]
    assert len(drawn) <= 2 * IN_FLIGHT_PER_THREAD
