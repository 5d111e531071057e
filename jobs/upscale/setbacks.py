"""Failures that a fleet tries to outlast: pauses that double, and when to give up."""

from __future__ import annotations

import time

from jobs.upscale.observer import ActorNotStarted, RunObserver, Waiting
from sr_core.errors import (
    ConfigurationError,
    DamagedError,
    ImageError,
    RetryLaterError,
    SrfleetError,
)

# An actor that cannot start this often in a row gives up its place.
START_TRIES = 3
# Shards that the storage refuses in a row, per actor, before the run stops.
OUTAGE_TRIES = 4
_LONGEST_PAUSE_S = 60.0


class Setbacks:
    """Counts failures in a row to start actors and to finish shards."""

    def __init__(self, observer: RunObserver, *, first_pause_s: float) -> None:
        self._observer, self._first_pause_s = observer, first_pause_s
        self._start_failures = self._outages = 0
        self._resume_at = 0.0
        self.places_given_up = 0

    @property
    def pausing(self) -> bool:
        """True while nothing new should start."""
        return time.monotonic() < self._resume_at

    def actor_started(self) -> None:
        """End a row of failures to start."""
        self._start_failures = 0

    def shard_finished(self) -> None:
        """End a row of refused shards."""
        self._outages = 0

    def start_failed(self, cause: Exception, *, ready: int, starting: int) -> None:
        """Count an actor that could not start.

        Args:
            cause: its error.
            ready: actors that run.
            starting: other actors that may still start.

        Raises: RetryLaterError, or the cause if it is a ConfigurationError, if none of the last
            tries succeeded and no other actor is left.
        """
        self._start_failures += 1
        last_try = self._start_failures >= START_TRIES
        give_up_place = last_try and ready > 0
        self._observer.observe(ActorNotStarted(f"{cause}", give_up_place))
        self._pause(self._start_failures, "an actor could not start")
        if give_up_place:
            self.places_given_up += 1
            self._start_failures = 0
        elif last_try and not starting:
            if isinstance(cause, ConfigurationError):
                raise cause
            raise RetryLaterError(f"no actor can start: {cause}") from cause

    def shard_refused(self, shard: int, cause: Exception, *, actors: int) -> None:
        """Count a shard that its actor could not finish.

        Args:
            shard: its index.
            cause: the error.
            actors: number of actors in the fleet.

        Raises: the cause if no repetition can help; RetryLaterError or SrfleetError after too many
            refusals in a row.
        """
        if isinstance(cause, ConfigurationError | DamagedError):
            raise cause
        self._outages += 1
        self._pause(self._outages, f"a shard could not be finished: {cause}")
        if self._outages < OUTAGE_TRIES * max(1, actors):
            return
        if isinstance(cause, RetryLaterError | ImageError):
            raise RetryLaterError(f"{cause}") from cause
        raise SrfleetError(f"shard {shard} cannot be finished: {cause}") from cause

    def _pause(self, times: int, reason: str) -> None:
        pause_s = min(_LONGEST_PAUSE_S, self._first_pause_s * 2 ** (times - 1))
        self._resume_at = time.monotonic() + pause_s
        self._observer.observe(Waiting(reason, pause_s))
