"""Mapping of a function over a stream by an executor, in order, with a bounded number in flight."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

IN_FLIGHT_PER_THREAD = 8
"""Items in flight per thread: enough to keep threads busy while a page of a listing arrives."""


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
    that is awaited. The executor is shut down at the end; if the caller stops early or the
    function raises, items that have not begun are dropped.

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
