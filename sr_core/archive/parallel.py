"""A function over a stream, in threads: results in order, a bounded number of items in flight."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

IN_FLIGHT_PER_THREAD = 8
"""Enough that a page of a listing can be awaited while the threads go on."""


def map_in_order(
    function: Callable[[Item], Result], items: Iterable[Item], *, threads: int
) -> Iterator[Result]:
    """Apply a function to every item, several at a time, and yield the results in item order.

    The items are drawn by the caller's thread, and never more than `IN_FLIGHT_PER_THREAD * threads`
    ahead of the result that is awaited. Where the caller stops early, or the function raises, what
    has not begun is dropped.

    Raises: what the function raises, at the place of its item.
    """
    pending: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="srfleet-scan")
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) >= IN_FLIGHT_PER_THREAD * threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
