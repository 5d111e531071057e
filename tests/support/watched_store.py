"""A store that reports every call: to count calls, to crash, or to block a driver."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

from sr_core.archive.storage import Store
from tests.support.store_decorator import Answer, StoreDecorator


class WatchedStore(StoreDecorator):
    """A store that calls a hook before and another one after each call of the wrapped store.

    A hook that raises simulates the death of the process: everything before it has happened,
    nothing after it does.
    """

    def __init__(
        self,
        store: Store,
        before: Callable[[], None] = lambda: None,
        after: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(store)
        self._before, self._after = before, after
        self.calls: Counter[str] = Counter()
        """Number of calls by method."""
        self.keys: Counter[tuple[str, str]] = Counter()
        """Number of calls by method and key."""

    def call(self, method: str, key: str, request: Callable[[], Answer]) -> Answer:
        self.calls[method] += 1
        self.keys[method, key] += 1
        self._before()
        try:
            return request()
        finally:
            self._after()


class Crash(BaseException):
    """The death of a process; `except Exception` does not catch it."""


class Crasher:
    """Hooks of a process that dies before or after its k-th storage call and stays dead."""

    def __init__(self, *, before: int | None = None, after: int | None = None) -> None:
        self._before, self._after = before, after
        self._begun = self._ended = 0
        self._lock = threading.Lock()
        self.dead = False

    @property
    def calls(self) -> int:
        """Number of storage calls begun."""
        return self._begun

    def watch(self, store: Store) -> WatchedStore:
        """Wrap a store for use by the process."""
        return WatchedStore(store, self._begin, self._end)

    def _begin(self) -> None:
        with self._lock:
            self._begun += 1
            self._die_if(self._begun == self._before)

    def _end(self) -> None:
        with self._lock:
            self._ended += 1
            self._die_if(self._ended == self._after)

    def _die_if(self, due: bool) -> None:
        self.dead |= due
        if self.dead:
            raise Crash
