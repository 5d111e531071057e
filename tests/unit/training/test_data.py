"""Crops: aligned, prepared ahead, and the same at every start and for any number of workers."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from sr_core.errors import ConfigurationError, RetryLaterError
from sr_core.imaging.degradation import shrink
from sr_core.training.data import BATCHES_AHEAD, Crops, prefetched
from sr_core.training.pools import READING_THREADS
from tests.support.decoded import Decoded, noise_photographs

PHOTOGRAPHS = noise_photographs(9)
LARGEST_BYTES = max(each.nbytes for each in PHOTOGRAPHS)


def crops(photographs: Decoded | None = None, kind: type[Crops] = Crops, **changes: Any) -> Crops:
    options = {
        "scale": 2,
        "crop_px": 24,
        "degradation": "bicubic",
        "seed": 3,
        "memory_budget_bytes": 1 << 20,
        "steps_per_pool": 3,
    }
    return kind(photographs or Decoded(PHOTOGRAPHS), **(options | changes))


SOURCES = {
    "everything fits": {},
    "random LR": {"degradation": "archive"},
    "photographs take turns": {"memory_budget_bytes": 6 * LARGEST_BYTES},
    "both": {"memory_budget_bytes": 6 * LARGEST_BYTES, "degradation": "archive"},
}
every_source = pytest.mark.parametrize("options", SOURCES.values(), ids=SOURCES)


def equal(one: Sequence[Tensor], other: Sequence[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def draw_by_hand(
    pairs: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    areas = np.array([hr.shape[0] * hr.shape[1] for _, hr in pairs], np.float64)
    lr, hr = pairs[int(rng.choice(len(pairs), p=areas / areas.sum()))]
    y, x = int(rng.integers(lr.shape[0] - 11)), int(rng.integers(lr.shape[1] - 11))
    turns, flip = int(rng.integers(4)), bool(rng.integers(2))
    both = lr[y : y + 12, x : x + 12], hr[2 * y : 2 * y + 24, 2 * x : 2 * x + 24]
    lr, hr = (np.rot90(side, turns)[:, :: -1 if flip else 1] for side in both)
    return lr, hr


def test_a_batch_is_drawn_by_area_place_turn_and_flip_from_seed_and_step() -> None:
    # A training may be resumed by a later release, so the draws must never change.
    rng = np.random.default_rng((3, 5))
    pairs = [(shrink(each, 2, "bicubic", rng), each) for each in PHOTOGRAPHS]
    drawn = [draw_by_hand(pairs, rng) for _ in range(6)]
    for side, batch in zip(zip(*drawn, strict=True), crops().batch(5, 6), strict=True):
        by_hand = torch.from_numpy(np.stack(side)).permute(0, 3, 1, 2) / 255
        assert torch.equal(batch, by_hand)


def test_lr_and_hr_show_the_same_place() -> None:
    lr, hr = crops().batch(5, 8)
    assert (lr.shape, hr.shape) == ((8, 3, 12, 12), (8, 3, 24, 24))
    assert all(side.dtype == torch.float32 for side in (lr, hr))
    assert all(side.is_contiguous(memory_format=torch.channels_last) for side in (lr, hr))
    shrunk = torch.nn.functional.avg_pool2d(hr, 2)
    inner = (shrunk - lr)[..., 2:-2, 2:-2].abs().mean()
    shifted = (shrunk.roll(1, -1) - lr)[..., 2:-2, 2:-2].abs().mean()
    assert inner < 0.5 * shifted


def test_steps_and_seeds_have_batches_of_their_own() -> None:
    first = crops().batch(5, 3)
    assert not equal(first, crops().batch(6, 3))
    assert not equal(first, crops(seed=4).batch(5, 3))


@every_source
def test_workers_together_have_the_batch_of_one(options: dict[str, Any]) -> None:
    alone, shared = crops(**options), [crops(**options) for _ in range(3)]
    for step in (0, 4):
        parts = [each.batch(step, 6, rank, 3) for rank, each in enumerate(shared)]
        together = [torch.cat(side) for side in zip(*parts, strict=True)]
        assert equal(together, alone.batch(step, 6))


def test_a_batch_that_workers_cannot_share_is_refused() -> None:
    with pytest.raises(ValueError, match="3 workers cannot share a batch of 4 evenly"):
        crops().batch(0, 4, 0, 3)


@every_source
def test_a_training_that_goes_on_sees_the_batches_of_an_uninterrupted_one(
    options: dict[str, Any],
) -> None:
    straight = list(prefetched(crops(**options), 0, 11, 2))
    assert len(straight) == 11
    for start in (2, 7):
        resumed = list(prefetched(crops(**options), start, 11, 2))
        assert all(map(equal, resumed, straight[start:]))


@every_source
def test_batches_in_any_order_are_the_same(options: dict[str, Any]) -> None:
    with crops(**options) as forward, crops(**options) as jumping:
        batches = [forward.batch(step, 2) for step in range(11)]
        for step in (10, 1, 4, 4, 9, 0):
            assert equal(jumping.batch(step, 2), batches[step])


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"crop_px": 25}, ValueError, "crop_px 25 is not a multiple of scale 2"),
        ({"crop_px": 96}, ConfigurationError, "none of 9 photographs has 96 px on each side"),
        ({"degradation": "rain"}, ValueError, "degradation is one of bicubic, archive, not rain"),
        ({"memory_budget_bytes": 1000}, ConfigurationError, "give at least 1 MiB"),
    ],
)
def test_what_cannot_be_cut_is_refused_at_once(
    changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    photographs = Decoded(PHOTOGRAPHS)
    with pytest.raises(error, match=message):
        crops(photographs, **changes)
    assert photographs.reads == []


def test_unreadable_photographs_are_left_out_as_if_they_were_not_there() -> None:
    holed = crops(Decoded(PHOTOGRAPHS, unreadable={1, 4}))
    sound = crops(Decoded([each for i, each in enumerate(PHOTOGRAPHS) if i not in {1, 4}]))
    assert equal(holed.batch(0, 16), sound.batch(0, 16))


def test_nothing_that_can_be_read_is_an_error_of_its_own() -> None:
    with pytest.raises(ConfigurationError, match="none of 9 photographs could be read"):
        crops(Decoded(PHOTOGRAPHS, unreadable=range(9))).batch(0, 2)


class Failing(Decoded):
    """Photographs whose store fails after a number of reads."""

    good_reads = len(PHOTOGRAPHS)

    def read(self, index: int) -> NDArray[np.uint8] | None:
        if len(self.reads) >= self.good_reads:
            raise RetryLaterError("the bucket is closed")
        return super().read(index)


def crop_threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("srfleet-")]


def test_an_error_while_reading_ahead_is_raised_at_the_step_that_needs_it() -> None:
    options = SOURCES["photographs take turns"]
    broken = crops(Failing(PHOTOGRAPHS), **options)
    seen = []
    with broken, pytest.raises(RetryLaterError, match="the bucket is closed"):
        seen += prefetched(broken, 0, 100, 2)
    assert len(seen) in range(3, 30, 3)
    assert crop_threads() == []


def test_no_more_batches_are_prepared_than_agreed() -> None:
    asked = []

    class Watched(Crops):
        def batch(self, step: int, size: int, rank: int = 0, world: int = 1) -> Any:
            asked.append(step)
            return super().batch(step, size, rank, world)

    with closing(prefetched(crops(kind=Watched), 0, 100, 2)) as batches:
        next(batches)
    assert asked == list(range(len(asked)))
    assert 1 <= len(asked) <= BATCHES_AHEAD + 1


def test_closing_ends_the_threads_without_reading_on() -> None:
    gate, reads_then = threading.Event(), []

    class Slow(Decoded):
        def read(self, index: int) -> NDArray[np.uint8] | None:
            pixels = super().read(index)
            if len(self.reads) > 40:  # in the second pool, which nothing waits for
                gate.wait(10)
            return pixels

    class Opening(Crops):
        def interrupt(self) -> None:
            super().interrupt()
            reads_then.append(len(photographs.reads))
            gate.set()

    photographs = Slow(noise_photographs(40) * 2)
    half_bytes = sum(each.nbytes for each in noise_photographs(40))
    slow = crops(photographs, Opening, memory_budget_bytes=2 * half_bytes, steps_per_pool=1)
    with slow:
        with closing(prefetched(slow, 0, 100, 2)) as batches:
            next(batches)
        assert not [name for name in crop_threads() if name.startswith("srfleet-crops")]
        assert len(photographs.reads) <= reads_then[0] + READING_THREADS
    assert crop_threads() == []


def test_archive_crops_show_the_place_of_their_hr() -> None:
    for step in range(4):
        lr, hr = crops(degradation="archive").batch(step, 8)
        shrunk = torch.nn.functional.avg_pool2d(hr, 2)
        inner = (shrunk - lr)[..., 2:-2, 2:-2].abs().mean()
        shifted = (shrunk.roll(1, -1) - lr)[..., 2:-2, 2:-2].abs().mean()
        assert inner < 0.8 * shifted


def test_archive_lr_is_drawn_anew_at_every_step() -> None:
    alone = crops(Decoded([PHOTOGRAPHS[0][:24, :24]]), degradation="archive")
    batches = [alone.batch(step, 8)[0] for step in range(3)]
    assert len({bytes(lr.numpy().tobytes()) for batch in batches for lr in batch}) > 18, (
        "a seventh is clean"
    )


def test_the_richest_of_some_places_is_kept() -> None:
    def detail(richest_of: int) -> float:
        half_flat = PHOTOGRAPHS[0].copy()
        half_flat[:, half_flat.shape[1] // 2 :] = 128
        source = crops(Decoded([half_flat]), richest_of=richest_of)
        return float(source.batch(0, 24)[1].diff(dim=-1).abs().mean())

    assert detail(1) < 0.9 * detail(4)
