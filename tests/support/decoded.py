"""Photographs held in memory, for trainings."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray


class Decoded:
    """Arrays as photographs. Every read is a copy; counts reads and the bytes still referenced."""

    def __init__(
        self, photographs: Sequence[NDArray[np.uint8]], unreadable: Collection[int] = ()
    ) -> None:
        self._photographs, self._unreadable = photographs, unreadable
        self._lock = threading.Lock()
        self.reads: list[int] = []
        self.held_bytes = self.most_held_bytes = 0

    def __len__(self) -> int:
        return len(self._photographs)

    @property
    def sizes(self) -> list[tuple[int, int]]:
        return [(each.shape[0], each.shape[1]) for each in self._photographs]

    def read(self, index: int) -> NDArray[np.uint8] | None:
        with self._lock:
            self.reads.append(index)
        if index in self._unreadable:
            return None
        copy = self._photographs[index].copy()
        self._count(copy.nbytes)
        weakref.finalize(copy, self._count, -copy.nbytes)
        return copy

    def _count(self, change_bytes: int) -> None:
        with self._lock:
            self.held_bytes += change_bytes
            self.most_held_bytes = max(self.most_held_bytes, self.held_bytes)


def noise_photographs(count: int, height: int = 40, width: int = 50) -> list[NDArray[np.uint8]]:
    """Return photographs of coarse noise, each slightly larger than the one before."""
    rng = np.random.default_rng(0)
    photographs = []
    for number in range(count):
        coarse = rng.integers(0, 256, (height // 4 + number, width // 4 + number, 3), np.uint8)
        photographs.append(np.kron(coarse, np.ones((4, 4, 1), np.uint8)))
    return photographs
