"""A function over a stream, in an executor: results in order, a bounded number in flight."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

IN_FLIGHT_PER_THREAD = 8
"""Enough that a page of a listing can be awaited while the threads go on."""


def map_in_order(
    function: Callable[[Item], Result], items: Iterable[Item], *, threads: int
) -> Iterator[Result]:
    """Apply a function to every item in threads, and yield the results in item order.

    See map_in_executor, whose bound is `IN_FLIGHT_PER_THREAD * threads` here.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="srfleet-scan")
    return map_in_executor(function, items, pool, IN_FLIGHT_PER_THREAD * threads)


def map_in_executor(
    function: Callable[[Item], Result], items: Iterable[Item], executor: Executor, in_flight: int
) -> Iterator[Result]:
    """Apply a function to every item in an executor, and yield the results in item order.

    The items are drawn by the caller's thread, and never more than `in_flight` ahead of the result
    that is awaited. Shuts the executor down at the end; where the caller stops early, or the
    function raises, what has not begun is dropped.

    Raises: what the function raises, at the place of its item.
    """
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(executor.submit(function, item))
            if len(pending) >= in_flight:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        executor.shutdown(cancel_futures=True)
