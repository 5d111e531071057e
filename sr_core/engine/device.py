"""The device of an actor: one image at a time, and how long it was idle."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Device:
    """Admits one image at a time to the device, and measures its idle time before each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle_since = time.monotonic()

    @contextmanager
    def __call__(self) -> Iterator[float]:
        """Hold the device; yields the milliseconds for which it was idle."""
        with self._lock:
            try:
                yield (time.monotonic() - self._idle_since) * 1000
            finally:
                self._idle_since = time.monotonic()
