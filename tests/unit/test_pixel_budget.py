"""The pixel budget: which images wait, which enter, and that none waits for ever."""

from __future__ import annotations

import queue
import threading

from sr_core.engine.budget import PixelBudget


def test_it_waits_for_room_and_admits_what_is_larger_than_itself_alone() -> None:
    budget = PixelBudget(10)
    budget.acquire(50)
    order = []

    def late() -> None:
        budget.acquire(1)
        order.append("admitted")

    waiting = threading.Thread(target=late)
    waiting.start()
    order.append("released")
    budget.release(50)
    waiting.join()
    budget.acquire(9)
    assert order == ["released", "admitted"]


def test_small_images_do_not_overtake_one_that_waits_for_the_whole_budget() -> None:
    budget = PixelBudget(10)
    budget.acquire(4)
    order: queue.SimpleQueue[int | None] = queue.SimpleQueue()

    def ask(pixels: int | None) -> None:
        order.put(budget.acquire(pixels))

    large, small = (threading.Thread(target=ask, args=(pixels,)) for pixels in (None, 5))
    large.start()
    while not budget._queue:
        assert large.is_alive()
    small.start()
    while len(budget._queue) < 2:
        assert small.is_alive()
    budget.release(4)
    assert order.get(timeout=10) == 10, "of unknown size, so it counts as all there is"
    budget.release(10)
    assert order.get(timeout=10) == 5


def test_a_budget_that_many_sizes_went_through_is_empty_again() -> None:
    budget = PixelBudget(600_000)
    sizes = [100_000, 200_000, 300_000]
    for pixels in sizes:
        budget.acquire(pixels)
    for pixels in sizes:
        budget.release(pixels)
    large = threading.Thread(target=budget.acquire, args=(10**9,), daemon=True)
    large.start()
    large.join(10)
    assert not large.is_alive()
