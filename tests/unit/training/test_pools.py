"""Pools: within the budget, chosen anew each time, with equal areas in the long run."""

from __future__ import annotations

import gc
from collections import Counter
from typing import Any

import numpy as np
import pytest

from sr_core.training import pools
from sr_core.training.pools import READING_THREADS, Pools
from tests.support.decoded import Decoded, noise_photographs

PHOTOGRAPHS = noise_photographs(30)
BYTES = sum(each.nbytes for each in PHOTOGRAPHS)


def pools_of(photographs: Decoded, **changes: Any) -> Pools:
    options = {
        "scale": 4,
        "crop_px": 16,
        "degradation": "bicubic",
        "seed": 1,
        "memory_budget_bytes": BYTES // 2,
        "steps_per_pool": 2,
    }
    return Pools(photographs, **(options | changes))


def nbytes(pair: pools.Pair) -> int:
    return pair.hr.nbytes + (0 if pair.lr is None else pair.lr.nbytes)


def contents(pool: pools.Pool) -> list[bytes]:
    return [pair.hr.tobytes() for pair in pool.pairs]


def test_a_pool_lasts_its_steps_and_the_next_has_other_photographs() -> None:
    turning = pools_of(Decoded(PHOTOGRAPHS))
    chosen = [contents(turning.at(step)) for step in range(6)]
    turning.close()
    assert chosen[0] == chosen[1]
    assert chosen[0] != chosen[2] == chosen[3] != chosen[4]
    assert all(len(set(each)) == len(each) >= 6 for each in chosen)


def test_pools_follow_from_the_seed_alone() -> None:
    one, other = pools_of(Decoded(PHOTOGRAPHS)), pools_of(Decoded(PHOTOGRAPHS))
    reseeded = pools_of(Decoded(PHOTOGRAPHS), seed=2)
    one.at(0)
    assert contents(one.at(4)) == contents(other.at(5)) != contents(reseeded.at(4))
    for each in (one, other, reseeded):
        each.close()


@pytest.mark.parametrize("degradation", ["bicubic", "archive"])
def test_memory_stays_within_the_budget_while_pools_turn(degradation: str) -> None:
    photographs = Decoded(PHOTOGRAPHS)
    turning = pools_of(photographs, degradation=degradation)
    for step in (*range(0, 20, 2), 3, 40):  # in order, and with jumps
        pool = turning.at(step)
        own_bytes = sum(nbytes(pair) for pair in pool.pairs)
        assert BYTES // 8 < own_bytes <= BYTES // 4
        del pool
    being_read = READING_THREADS * max(each.nbytes for each in PHOTOGRAPHS)
    assert photographs.most_held_bytes <= BYTES // 2 + being_read
    turning.close()
    del turning
    gc.collect()
    assert photographs.held_bytes == 0


def test_what_fits_is_read_once_and_stays() -> None:
    photographs = Decoded(PHOTOGRAPHS)
    whole = pools_of(photographs, memory_budget_bytes=2 * BYTES)
    assert whole.at(0) is whole.at(1000)
    assert sorted(photographs.reads) == list(range(30))


def test_random_lr_is_left_to_the_crops_and_takes_no_memory() -> None:
    photographs = Decoded(PHOTOGRAPHS)
    whole = pools_of(photographs, memory_budget_bytes=BYTES, degradation="archive")
    assert whole.at(0) is whole.at(1000)
    assert all(pair.lr is None for pair in whole.at(0).pairs)
    assert sorted(photographs.reads) == list(range(30))


def test_a_large_photograph_gives_windows_at_many_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "WINDOW_PX", 32)
    rows, columns = np.mgrid[0:200, 0:120].astype(np.uint8)
    place = np.stack([rows, columns, rows], -1)
    turning = pools_of(Decoded([place]), memory_budget_bytes=20_000)
    corners = set()
    for step in range(0, 40, 2):
        (pair,) = turning.at(step).pairs
        assert (pair.hr.shape, pair.lr.shape) == ((32, 32, 3), (8, 8, 3))
        assert pair.hr.base is None, "a view would keep the whole photograph"
        top, left = map(int, pair.hr[0, 0, :2])
        assert np.array_equal(pair.hr, place[top : top + 32, left : left + 32])
        corners.add((top, left))
    turning.close()
    assert len(corners) > 15
    assert max(top for top, _ in corners) > 100


def test_a_photograph_is_chosen_as_often_as_windows_fit_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pools, "WINDOW_PX", 16)
    monkeypatch.setattr(pools, "READING_THREADS", 1)
    photographs = [np.full((16, 16, 3), number, np.uint8) for number in range(1, 21)]
    photographs.append(np.zeros((16, 32, 3), np.uint8))
    turning = pools_of(Decoded(photographs), memory_budget_bytes=2 * 4 * (3 * 16 * 17))
    counts: Counter[int] = Counter()
    for step in range(0, 600, 2):
        counts.update(int(pair.hr[0, 0, 0]) for pair in turning.at(step).pairs)
    turning.close()
    assert len(counts) == 21
    assert sum(counts.values()) == 300 * 4
    mean_of_small = (sum(counts.values()) - counts[0]) / 20
    assert 1.6 < counts[0] / mean_of_small < 2.4


def test_a_photograph_that_shrank_since_it_was_listed_counts_with_what_it_has() -> None:
    class Changed(Decoded):
        @property
        def sizes(self) -> list[tuple[int, int]]:
            return [(height + 40, width + 40) for height, width in super().sizes]

    usual = {each.tobytes() for each in PHOTOGRAPHS[:5]}
    too_small_now = np.zeros((15, 90, 3), np.uint8)
    turning = pools_of(Changed([*PHOTOGRAPHS[:5], too_small_now]), memory_budget_bytes=110_000)
    found = [contents(turning.at(step)) for step in range(0, 20, 2)]
    turning.close()
    assert set().union(*found) == usual
