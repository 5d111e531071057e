"""A store that reports every call to it: to count, to crash, to hold a driver in its place."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

from sr_core.archive.storage import Store
from tests.support.store_decorator import Answer, StoreDecorator


class WatchedStore(StoreDecorator):
    """Pass every call on to a store, and call a hook before and another after it.

    A hook that raises stands for a process that dies there: what was done before stays, what
    would have come after does not happen.
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
        """By the name of the method."""
        self.keys: Counter[tuple[str, str]] = Counter()
        """By the name of the method and the key."""

    def call(self, method: str, key: str, request: Callable[[], Answer]) -> Answer:
        self.calls[method] += 1
        self.keys[method, key] += 1
        self._before()
        try:
            return request()
        finally:
            self._after()


class Crash(BaseException):
    """The end of a process, which no `except Exception` may survive."""


class Crasher:
    """Hooks of a process that dies before or after its k-th storage call, and stays dead."""

    def __init__(self, *, before: int | None = None, after: int | None = None) -> None:
        self._before, self._after = before, after
        self._begun = self._ended = 0
        self._lock = threading.Lock()
        self.dead = False

    @property
    def calls(self) -> int:
        """Storage calls that were begun."""
        return self._begun

    def watch(self, store: Store) -> WatchedStore:
        """Let the process use a store."""
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
