"""The retry loop for all network requests."""

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
    """Call `attempt` until it succeeds, fails permanently, or the deadline leaves no time to wait.

    Each wait is drawn uniformly between zero and a bound that doubles from `first_wait_s` to
    `longest_wait_s` ("full jitter"), so that workers that were throttled together do not come back
    together. A running attempt is not interrupted: its own timeouts must end it.

    Args:
        attempt: sends the request.
        is_transient: returns True for errors that are worth another attempt.
        deadline_s: time for all attempts and waits.
        first_wait_s: bound of the first wait.
        longest_wait_s: upper limit of the bound.
        on_wait: called with the error and the seconds before each wait.

    Raises: the last error of `attempt`.
    Source: AWS Builders' Library, "Timeouts, retries, and backoff with jitter".
    """

    def announce(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if error is not None:
            on_wait(error, state.upcoming_sleep)

    loop = Retrying(
        retry=retry_if_exception(is_transient),
        stop=stop_before_delay(deadline_s),
        wait=wait_random_exponential(multiplier=first_wait_s, max=longest_wait_s),
        before_sleep=announce,
        reraise=True,
    )
    return loop(attempt)
