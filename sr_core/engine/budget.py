"""The pixel budget: how much may be decoded at one time."""

from __future__ import annotations

import threading
from collections import deque


class PixelBudget:
    """Bounds the decoded pixels of a process, over all its shards, in pixels of 8-bit RGB.

    Counts whole pixels, because sums of fractions do not return to exactly zero. Serves images in
    order of arrival, because small ones could otherwise keep a large one waiting for ever.
    """

    def __init__(self, pixels: int) -> None:
        self._limit, self._used = pixels, 0
        self._queue: deque[object] = deque()
        self._freed = threading.Condition()

    def acquire(self, pixels: int | None) -> int:
        """Wait for room, and return the number of pixels held.

        An image of unknown size (None), or larger than the whole budget, waits until it is alone.
        """
        wanted = self._limit if pixels is None else pixels
        ticket = object()
        with self._freed:
            self._queue.append(ticket)
            self._freed.wait_for(lambda: self._queue[0] is ticket and self._has_room(wanted))
            self._queue.popleft()
            self._used += wanted
            self._freed.notify_all()
        return wanted

    def release(self, pixels: int) -> None:
        """Give pixels back."""
        with self._freed:
            self._used -= pixels
            self._freed.notify_all()

    def _has_room(self, pixels: int) -> bool:
        return self._used == 0 or self._used + pixels <= self._limit
