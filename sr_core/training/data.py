"""Random aligned crops of photographs, prepared ahead of the step."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sr_core.imaging.degradation import cut_pair
from sr_core.training.pools import Pair, Photographs, Pool, Pools

__all__ = ["Crops", "Photographs", "prefetched"]

BATCHES_AHEAD = 4
"""Enough that one slow batch does not delay a step; a batch has some megabytes."""

STEPS_PER_POOL = 1000
"""Steps per pool if not all photographs fit: long enough to read the next pool."""

DEGRADING_THREADS = min(4, os.cpu_count() or 1)

Crop = tuple[NDArray[np.uint8], NDArray[np.uint8]]


class Crops:
    """Random batches of (lr, hr) crops of photographs.

    Bicubic LR is made once from the whole photograph, archive LR anew for each crop from the crop
    and its surroundings: either way it has the context that it has in a real image. A batch is a
    function of the seed and the step alone, however many workers share it and wherever a training
    began: a resumed one sees the very batches of an uninterrupted one, as long as the photographs
    are the same.

    Photographs are read when the first batch is requested. If they do not fit into the budget, they
    take turns; see `Pools`.
    """

    def __init__(
        self,
        photographs: Photographs,
        *,
        scale: int,
        crop_px: int,
        degradation: str,
        seed: int,
        memory_budget_bytes: int,
        richest_of: int = 1,
        steps_per_pool: int = STEPS_PER_POOL,
    ) -> None:
        """Choose the usable photographs; nothing is read yet.

        Args:
            photographs: those with a side shorter than crop_px are left out.
            scale: HR pixels per LR pixel.
            crop_px: side of an HR crop; a multiple of scale.
            degradation: see `imaging.degradation.shrink`.
            seed: of everything random.
            memory_budget_bytes: for decoded photographs and their LR versions.
            richest_of: places drawn for each crop, of which the one with most detail is kept.
            steps_per_pool: how many steps come from one choice of photographs.

        Raises: ValueError for a crop_px or degradation that is not possible; ConfigurationError if
            no photograph is large enough, or the budget holds none.
        """
        if crop_px % scale:
            raise ValueError(f"crop_px {crop_px} is not a multiple of scale {scale}")
        self.scale, self.crop_px, self.seed, self._richest_of = scale, crop_px, seed, richest_of
        self._threads = ThreadPoolExecutor(DEGRADING_THREADS, thread_name_prefix="srfleet-degrade")
        self._pools = Pools(
            photographs,
            scale=scale,
            crop_px=crop_px,
            degradation=degradation,
            seed=seed,
            memory_budget_bytes=memory_budget_bytes,
            steps_per_pool=steps_per_pool,
        )

    def __len__(self) -> int:
        """Return the number of photographs that are large enough."""
        return len(self._pools.usable)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop reading ahead, and end the threads."""
        self._pools.close()
        self._threads.shutdown(cancel_futures=True)

    def interrupt(self) -> None:
        """Stop reading; a batch that waits for photographs raises CancelledError."""
        self._pools.interrupt()

    def batch(self, step: int, size: int, rank: int = 0, world: int = 1) -> tuple[Tensor, Tensor]:
        """Return (lr, hr) of this rank's share of one step's batch.

        Photographs are drawn by area, crops flipped and turned at random. Every rank draws all of
        them and cuts its own share: together they have the batch that a single rank would have.

        Args:
            step: from 0.
            size: crops in the whole batch, a multiple of world.
            rank: 0 .. world - 1.
            world: number of ranks that share the batch.

        Returns:
            (size / world, 3, crop_px / scale, ..) and (size / world, 3, crop_px, ..), float32 in
            [0, 1], channels-last.

        Raises: ValueError if size is not a multiple of world; whatever reading photographs raises.
        """
        if size % world:
            raise ValueError(f"{world} workers cannot share a batch of {size} evenly")
        pool, rng = self._pools.at(step), np.random.default_rng((self.seed, step))
        share, drawn = size // world, []
        for number in range(size):
            crop = self._draw(pool, rng)
            if number // share == rank:
                drawn.append(crop)
        # Threads gain little on small patches, but a GPU's step is short.
        lr, hr = (_tensor(side) for side in zip(*self._threads.map(_cut, drawn), strict=True))
        return lr, hr

    def _draw(self, pool: Pool, rng: np.random.Generator) -> Callable[[], Crop]:
        """Draw one crop, which is cut later, by any thread."""
        candidates = [self._draw_place(pool, rng) for _ in range(self._richest_of)]
        pair, y, x = max(candidates, key=self._detail) if len(candidates) > 1 else candidates[0]
        turns, flip = int(rng.integers(4)), bool(rng.integers(2))
        cut: Callable[[], Crop]
        if pair.lr is None:
            own_rng = np.random.default_rng(rng.integers(1 << 63))
            size = self.crop_px, self.crop_px
            cut = partial(cut_pair, pair.hr, (y, x), size, self.scale, own_rng, aged=True)
        else:
            cut = partial(self._views, pair.lr, pair.hr, y, x)
        return partial(_turned, cut, turns, flip=flip)

    def _draw_place(self, pool: Pool, rng: np.random.Generator) -> tuple[Pair, int, int]:
        """Draw a photograph and a corner in it, in HR pixels; with a stored LR on an LR pixel."""
        pair = pool.draw(rng)
        step = 1 if pair.lr is None else self.scale
        height, width = (pair.hr if pair.lr is None else pair.lr).shape[:2]
        side = self.crop_px // step
        y, x = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
        return pair, y * step, x * step

    def _detail(self, place: tuple[Pair, int, int]) -> float:
        """Return the mean difference of neighbours in green."""
        pair, y, x = place
        green = pair.hr[y : y + self.crop_px, x : x + self.crop_px, 1].astype(np.int16)
        return float(np.abs(np.diff(green, axis=0)).mean() + np.abs(np.diff(green, axis=1)).mean())

    def _views(self, lr: NDArray[np.uint8], hr: NDArray[np.uint8], y: int, x: int) -> Crop:
        """Cut a pair out of stored images: views, which cost nothing until they are stacked."""
        top, left, side = y // self.scale, x // self.scale, self.crop_px // self.scale
        hr = hr[y : y + self.crop_px, x : x + self.crop_px]
        return lr[top : top + side, left : left + side], hr


def _cut(crop: Callable[[], Crop]) -> Crop:
    return crop()


def _turned(cut: Callable[[], Crop], turns: int, *, flip: bool) -> Crop:
    lr, hr = (np.rot90(side, turns) for side in cut())
    return (lr[:, ::-1], hr[:, ::-1]) if flip else (lr, hr)


def _tensor(images: Sequence[NDArray[np.uint8]]) -> Tensor:
    """Stack images (H, W, 3) to a batch (N, 3, H, W) float32 in [0, 1], channels-last."""
    # In numpy: torch would use its thread pool, which the training step needs.
    values = np.stack(images).astype(np.float32)
    values /= np.float32(255)
    return torch.from_numpy(values).permute(0, 3, 1, 2)


def prefetched(
    crops: Crops, start: int, stop: int, size: int, rank: int = 0, world: int = 1
) -> Generator[tuple[Tensor, Tensor], None, None]:
    """Yield the batches of steps [start, stop), prepared ahead in a thread.

    Closing the iterator ends the thread without waiting for photographs that are being read.

    Raises: whatever `Crops.batch` raises, at the step that raised it.
    """
    executor = ThreadPoolExecutor(1, thread_name_prefix="srfleet-crops")
    coming: deque[Future[tuple[Tensor, Tensor]]] = deque()
    try:
        for step in range(start, stop):
            coming.append(executor.submit(crops.batch, step, size, rank, world))
            if len(coming) > BATCHES_AHEAD:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
        crops.interrupt()
        raise
    finally:
        executor.shutdown(cancel_futures=True)
