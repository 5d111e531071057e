"""An observer that keeps the events of a run."""

from __future__ import annotations

from typing import TypeVar

from jobs.upscale.observer import RunEvent

T = TypeVar("T")


class Events:
    """Keep every event, in order."""

    def __init__(self) -> None:
        self.seen: list[RunEvent] = []

    def observe(self, event: RunEvent) -> None:
        """Keep an event."""
        self.seen.append(event)

    def of(self, kind: type[T]) -> list[T]:
        """Return the events of one kind, in order."""
        return [event for event in self.seen if isinstance(event, kind)]
