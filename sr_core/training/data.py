"""Random aligned crops of photographs: which ones, and prepared ahead of the step."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sr_core.training.pools import Photographs, Pool, Pools

__all__ = ["Crops", "Photographs", "prefetched"]

BATCHES_AHEAD = 4
"""Enough that a step never waits for one slow batch; a batch has some megabytes."""

STEPS_PER_POOL = 1000
"""How long crops come from one pool where not all photographs fit: long enough to read the next."""

Crop = tuple[NDArray[np.uint8], NDArray[np.uint8]]


class Crops:
    """Cut random batches of (lr, hr) from photographs.

    LR is made once from the whole photograph, so a crop's LR has the context that it has in a real
    image. A batch is a function of the seed and the step alone, however many share it and wherever
    a training began: a resumed one goes on with the very batches that an uninterrupted one would
    have seen, as long as the photographs are the same.

    Photographs are read when the first batch is asked for. Those that do not fit into the budget
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
        steps_per_pool: int = STEPS_PER_POOL,
    ) -> None:
        """Find out what there is; nothing is read yet.

        Args:
            photographs: those with a side shorter than crop_px are left out.
            scale: HR pixels per LR pixel.
            crop_px: side of an HR crop; a multiple of scale.
            degradation: see `imaging.degradation.shrink`.
            seed: decides all that is random.
            memory_budget_bytes: of decoded photographs with their LR versions.
            steps_per_pool: how many steps come from one choice of photographs or of random LR.

        Raises: ValueError for a crop that is no multiple of scale or an unknown degradation;
        ConfigurationError if no photograph is large enough, or the budget holds none.
        """
        if crop_px % scale:
            raise ValueError(f"crop_px {crop_px} is no multiple of scale {scale}")
        self.scale, self.crop_px, self.seed = scale, crop_px, seed
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
        """Return how many photographs are large enough to be used."""
        return len(self._pools.usable)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop reading ahead."""
        self._pools.close()

    def interrupt(self) -> None:
        """Give up what is being read now; the batch that waits for it raises CancelledError."""
        self._pools.interrupt()

    def batch(self, step: int, size: int, rank: int = 0, world: int = 1) -> tuple[Tensor, Tensor]:
        """Return (lr, hr) of this rank's share of one step's batch.

        Photographs are drawn by area, crops flipped and turned at random. Every rank draws them
        all and cuts its own: together the ranks have the batch that one alone would have.

        Args:
            step: from 0.
            size: crops in the whole batch, a multiple of world.
            rank: 0 .. world - 1.
            world: how many share the batch.

        Returns:
            (size / world, 3, crop_px / scale, ..) and (size / world, 3, crop_px, ..), float32 in
            [0, 1], channels-last.

        Raises: ValueError if size is no multiple of world; what reading photographs raises.
        """
        if size % world:
            raise ValueError(f"{world} workers cannot share a batch of {size} evenly")
        pool, rng = self._pools.at(step), np.random.default_rng((self.seed, step))
        share, crops = size // world, []
        for number in range(size):
            crop = self._draw(pool, rng)
            if number // share == rank:
                crops.append(crop)
        lr, hr = (_tensor(side) for side in zip(*crops, strict=True))
        return lr, hr

    def _draw(self, pool: Pool, rng: np.random.Generator) -> Crop:
        """Draw one crop: views, which cost nothing until they are stacked."""
        pair = pool.draw(rng)
        side = self.crop_px // self.scale
        y = int(rng.integers(pair.lr.shape[0] - side + 1))
        x = int(rng.integers(pair.lr.shape[1] - side + 1))
        turns, flip = int(rng.integers(4)), bool(rng.integers(2))
        lr, hr = pair.lr[y : y + side, x : x + side], self._hr(pair.hr, y, x)
        lr, hr = np.rot90(lr, turns), np.rot90(hr, turns)
        return (lr[:, ::-1], hr[:, ::-1]) if flip else (lr, hr)

    def _hr(self, hr: NDArray[np.uint8], y: int, x: int) -> NDArray[np.uint8]:
        y, x, side = y * self.scale, x * self.scale, self.crop_px
        return hr[y : y + side, x : x + side]


def _tensor(images: Sequence[NDArray[np.uint8]]) -> Tensor:
    """Stack images (H, W, 3) to a batch (N, 3, H, W) float32 in [0, 1], channels-last."""
    # By numpy, in this thread alone: torch would wait for helpers that the training step needs.
    values = np.stack(images).astype(np.float32)
    values /= np.float32(255)
    return torch.from_numpy(values).permute(0, 3, 1, 2)


def prefetched(
    crops: Crops, start: int, stop: int, size: int, rank: int = 0, world: int = 1
) -> Generator[tuple[Tensor, Tensor], None, None]:
    """Yield the batches of steps [start, stop), prepared ahead in a thread.

    Closing the iterator ends the thread, without waiting for photographs that are being read.

    Raises: what `Crops.batch` raises, at the step where it raised it.
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
