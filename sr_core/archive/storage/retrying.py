"""One retry loop for everything that goes over a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_before_delay,
    wait_random_exponential,
)

T = TypeVar("T")


def retry(
    attempt: Callable[[], T],
    *,
    is_transient: Callable[[BaseException], bool],
    deadline_s: float,
    first_wait_s: float,
    longest_wait_s: float,
    on_wait: Callable[[BaseException, float], None],
) -> T:
    """Call `attempt` until it succeeds, fails for good, or the deadline leaves no time to wait.

    Waits double from `first_wait_s` up to `longest_wait_s`, each drawn evenly between zero and
    that bound ("full jitter"), so that many workers that were throttled together do not return
    together. A running attempt is not interrupted: its own timeouts must end it. `on_wait` is
    told the error and the seconds of each wait.

    Raises: the last error of `attempt`.
    Source: AWS Builders' Library, "Timeouts, retries, and backoff with jitter".
    """

    def tell(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if error is not None:
            on_wait(error, state.upcoming_sleep)

    loop = Retrying(
        retry=retry_if_exception(is_transient),
        stop=stop_before_delay(deadline_s),
        wait=wait_random_exponential(multiplier=first_wait_s, max=longest_wait_s),
        before_sleep=tell,
        reraise=True,
    )
    return loop(attempt)
