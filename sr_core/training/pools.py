"""Photographs held in memory: all of them, or as many as fit, taking turns."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sr_core.errors import ConfigurationError
from sr_core.imaging.degradation import is_random, shrink
from sr_core.parallel import map_in_executor

WINDOW_PX = 2048
"""Longest side of a photograph in a pool that takes turns: many places beat one large one."""

READING_THREADS = min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 4)

_CHOICE, _FIRST_PHOTOGRAPH = 1, 2
"""Purposes of a pool's random numbers. Never 0: a seed sequence ignores trailing zeros."""


class Photographs(Protocol):
    """HR photographs, read one by one, from several threads at once."""

    def __len__(self) -> int:
        """Return the number of photographs."""
        ...

    @property
    def sizes(self) -> Sequence[tuple[int, int]]:
        """Height and width of each, known without reading it."""
        ...

    def read(self, index: int) -> NDArray[np.uint8] | None:
        """Return (H, W, 3), or None if it cannot be read, which leaves it out."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A photograph (H, W, 3) and its LR version (H // scale, W // scale, 3), uint8."""

    lr: NDArray[np.uint8] | None
    """None if the degradation is random: LR is drawn anew for each crop."""
    hr: NDArray[np.uint8]


class Pool:
    """Pairs in memory, drawn with a probability in proportion to their area."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self.pairs = pairs
        areas = np.array([pair.hr.shape[0] * pair.hr.shape[1] for pair in pairs], np.float64)
        shares = (areas / areas.sum()).cumsum()
        self._until = shares / shares[-1]

    def draw(self, rng: np.random.Generator) -> Pair:
        """Draw a pair: rng.choice with the shares as p, without summing them each time."""
        return self.pairs[int(self._until.searchsorted(rng.random(), side="right"))]


class Pools:
    """The pool of each step; the next one is read ahead in a thread.

    Which photographs and which windows of them make up pool number n is a function of the seed, the
    budget, the sizes and n alone. If everything fits, pool 0 serves all steps. Otherwise each pool
    takes half of the budget, as two are in memory when one follows another: photographs are drawn
    without repetition, those larger than WINDOW_PX as a window at a random place, and the more
    windows a photograph would fill the likelier, so that over many pools areas count alike.

    Beyond the budget go one decoded photograph and its working memory per reading thread.
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
        steps_per_pool: int,
    ) -> None:
        """See `Crops`. Raises: ConfigurationError, ValueError."""
        self._photographs, self._scale, self._crop_px = photographs, scale, crop_px
        self._degradation, self._seed = degradation, seed
        self._sizes = np.asarray(photographs.sizes, np.int64).reshape(-1, 2)
        self.usable = np.flatnonzero(self._sizes.min(axis=1) >= crop_px)
        if not self.usable.size:
            raise ConfigurationError(
                f"none of {len(photographs)} photographs has {crop_px} px on each side"
            )
        self._keeps_lr = not is_random(degradation)
        self.is_whole = bool(self._bytes_of(self._sizes[self.usable]).sum() <= memory_budget_bytes)
        self._turn_steps = None if self.is_whole else steps_per_pool
        self._budget_bytes = memory_budget_bytes // 2
        self._windows = np.minimum(self._sizes, max(WINDOW_PX, crop_px))
        largest = int(self._bytes_of(self._windows[self.usable]).max())
        if not self.is_whole and largest > self._budget_bytes:
            raise ConfigurationError(
                f"a memory budget of {memory_budget_bytes >> 20} MiB is too small for these "
                f"photographs; give at least {-(-2 * largest >> 20)} MiB"
            )
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="srfleet-pool")
        self._current: tuple[int, Pool] | None = None
        self._next: tuple[int, Future[Pool]] | None = None

    def at(self, step: int) -> Pool:
        """Return the pool of a step, and start reading the next one.

        Raises: ConfigurationError if none of its photographs can be read; whatever `read` raises;
            CancelledError after `interrupt`.
        """
        number = 0 if self._turn_steps is None else step // self._turn_steps
        with self._lock:
            if self._stopped.is_set():
                self._drop_next()
            if self._current is None or self._current[0] != number:
                self._current = number, self._turn_to(number)
            if self._turn_steps is not None and self._next is None:
                self._next = number + 1, self._ahead.submit(self._fill, number + 1, self._stopped)
            return self._current[1]

    def interrupt(self) -> None:
        """Stop reading; a later `at` starts again."""
        self._stopped.set()

    def close(self) -> None:
        """Stop reading and end the thread."""
        self.interrupt()
        self._ahead.shutdown(cancel_futures=True)

    def _turn_to(self, number: int) -> Pool:
        if self._next is not None and self._next[0] == number:
            coming, self._next = self._next[1], None
            return coming.result()
        self._drop_next()
        self._current = None  # else three pools would be in memory
        return self._fill(number, self._stopped)

    def _drop_next(self) -> None:
        self._stopped.set()
        if self._next is not None:
            wait([self._next[1]])
        self._next, self._stopped = None, threading.Event()

    def _fill(self, number: int, stopped: threading.Event) -> Pool:
        def pair(index: int) -> Pair | None:
            return None if stopped.is_set() else self._pair(number, index)

        executor = ThreadPoolExecutor(READING_THREADS, thread_name_prefix="srfleet-read")
        chosen = self._chosen(number)
        read = map_in_executor(pair, map(int, chosen), executor, 2 * READING_THREADS)
        pairs = [each for each in read if each is not None]
        if stopped.is_set():
            raise CancelledError
        if not pairs:
            raise ConfigurationError(f"none of {len(chosen)} photographs could be read")
        return Pool(pairs)

    def _chosen(self, number: int) -> NDArray[np.int64]:
        """Return the photographs of a pool: all, or in random order as many as fit."""
        if self.is_whole:
            return self.usable
        sizes, windows = self._sizes[self.usable], self._windows[self.usable]
        windows_in_each = sizes.prod(axis=1) / windows.prod(axis=1)
        # Exponential variates divided by weights give a weighted order without repetition.
        rng = np.random.default_rng((self._seed, number, _CHOICE))
        order = np.argsort(rng.exponential(size=len(windows)) / windows_in_each, kind="stable")
        total = self._bytes_of(windows[order]).cumsum()
        return self.usable[order[: np.searchsorted(total, self._budget_bytes, side="right")]]

    def _pair(self, number: int, index: int) -> Pair | None:
        rng = np.random.default_rng((self._seed, number, _FIRST_PHOTOGRAPH + index))
        hr = self._read(index, rng)
        if hr is None:
            return None
        lr = shrink(hr, self._scale, self._degradation, rng) if self._keeps_lr else None
        return Pair(lr, hr)

    def _read(self, index: int, rng: np.random.Generator) -> NDArray[np.uint8] | None:
        """Return a photograph, or a window of it if not everything fits."""
        hr = self._photographs.read(index)
        # The file may have changed since its size was read.
        if hr is None or min(hr.shape[:2]) < self._crop_px:
            return None
        if self.is_whole:
            return hr
        height, width = map(int, np.minimum(hr.shape[:2], self._windows[index]))
        top = int(rng.integers(hr.shape[0] - height + 1))
        left = int(rng.integers(hr.shape[1] - width + 1))
        window = hr[top : top + height, left : left + width]
        return hr if window.shape == hr.shape else window.copy()

    def _bytes_of(self, sizes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the memory that photographs of sizes (N, 2) take with their LR versions."""
        lr = sizes // self._scale
        return 3 * (sizes.prod(axis=1) + int(self._keeps_lr) * lr.prod(axis=1))
