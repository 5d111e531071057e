"""Progress of a run: lines for its events, and on a terminal one live line for the round."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import Self

from rich.live import Live
from rich.text import Text

from jobs.cli.left_out import counted, warned
from jobs.durations import duration
from jobs.terminal import Terminal
from jobs.upscale.observer import (
    ActorLost,
    ActorNotStarted,
    FilesLeftOut,
    RoundBegun,
    RoundFinished,
    RoundNotNeeded,
    RunEvent,
    RunObserver,
    RunOpened,
    ShardCommitted,
    ShardIsolated,
    SourceChanged,
    Waiting,
    Warned,
)
from sr_core.archive.source.changes import Change
from sr_core.archive.source.skipped import failed_only, listed
from sr_core.errors import ErrorClass
from sr_core.records import LeftOut, ShardResult, Status

_LOG_EVERY_S = 30.0
_REMEDIES = {
    Change.NEW: "; --extend adds them",
    Change.CHANGED: "; their outputs remain those of the planned version",
    Change.GONE: "",
}


class Observers:
    """Pass each event to several observers, in their order."""

    def __init__(self, *observers: RunObserver) -> None:
        self._observers = observers

    def observe(self, event: RunEvent) -> None:
        """Pass an event on."""
        for observer in self._observers:
            observer.observe(event)


class Display:
    """Shows the events of a run on a terminal; a `RunObserver` and a context manager."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._round: RoundProgress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end_round()

    def observe(self, event: RunEvent) -> None:
        """Print an event, or update the progress of the round."""
        match event:
            case RoundBegun():
                self._end_round()
                self._begin_round(event)
            case ShardCommitted(result):
                if self._round is not None:
                    self._round.add(result)
            case RoundFinished():
                self._end_round()
            case _ if (line := describe(event)) is not None:
                self._terminal.say(line, style=_style(event))

    def _begin_round(self, event: RoundBegun) -> None:
        if event.images_done:
            left = event.images - event.images_done
            self._terminal.say(f"{event.images_done} done, {left} left")
        self._round = RoundProgress(
            self._terminal, event.images, event.images_done, event.megapixels_left
        )
        self._round.start()

    def _end_round(self) -> None:
        if self._round is not None:
            self._round.stop()
            self._round = None


class RoundProgress:
    """Progress of one round: a live line on a terminal, a line every 30 seconds elsewhere."""

    def __init__(
        self, terminal: Terminal, images: int, images_done: int, megapixels_left: float
    ) -> None:
        """Start from the run's images, those already done, and the megapixels left."""
        self._terminal, self._images, self._done = terminal, images, images_done
        self._megapixels_left, self._megapixels_done = megapixels_left, 0.0
        self._failures: Counter[ErrorClass] = Counter()
        self._start = self._printed_at = time.monotonic()
        self._live = Live(console=terminal, get_renderable=self._line, transient=True)

    def start(self) -> None:
        """Show the live line, on a terminal."""
        if self._terminal.is_terminal:
            self._live.start()

    def stop(self) -> None:
        """Remove the live line."""
        if self._terminal.is_terminal:
            self._live.stop()

    def add(self, result: ShardResult) -> None:
        """Count a committed shard."""
        self._done += sum(result.statuses.values())
        self._failures.update(result.failures)
        self._megapixels_done += result.output_megapixels
        now = time.monotonic()
        if not self._terminal.is_terminal and now - self._printed_at >= _LOG_EVERY_S:
            self._printed_at = now
            self._terminal.say(self._text())

    def _line(self) -> Text:
        return Text(self._text(), no_wrap=True, overflow="ellipsis")

    def _text(self) -> str:
        seconds = max(1e-9, time.monotonic() - self._start)
        rate = self._megapixels_done / seconds
        parts = [f"{self._done} of {self._images} images"]
        if rate:
            left = max(0.0, self._megapixels_left - self._megapixels_done) / rate
            parts += [f"{rate:.2f} MP/s", f"{duration(left)} left"]
        else:
            parts.append(f"{duration(seconds)} so far")
        failed = sum(self._failures.values())
        if failed:
            classes = ", ".join(f"{name} {count}" for name, count in self._failures.most_common())
            parts.append(f"{failed} failed ({classes})")
        return "  ".join(parts)


def describe(event: RunEvent) -> str | None:
    """Return the line that announces an event; None for an event without a line of its own."""
    line = None
    match event:
        case RunOpened(run_id, source_uri, root_uri):
            line = f"run {run_id}: {source_uri} -> {root_uri}"
        case FilesLeftOut(excluded, not_included, unmatched):
            left_out = LeftOut(excluded, not_included, unmatched)
            line = "; ".join([*counted(left_out), *warned(left_out)])
        case SourceChanged(change, count, first_keys):
            names = ", ".join(first_keys) + (", ..." if count > len(first_keys) else "")
            line = f"source: {count} {change} since the plan ({names}){_REMEDIES[change]}"
        case RoundNotNeeded(reason):
            line = reason
        case ActorLost(host, shards, reason):
            place = host or "an unknown machine"
            line = f"lost an actor on {place}, its {shards} shards are queued again: {reason}"
        case ActorNotStarted(reason, place_given_up):
            less = "; continuing with one actor fewer" if place_given_up else ""
            line = f"an actor could not start: {reason}{less}"
        case ShardIsolated(_, shard, deaths):
            line = f"shard {shard} killed its actor {deaths} times: its images run one by one"
        case Waiting(reason, pause_s):
            line = f"{reason}; next try in {pause_s:g} s"
        case Warned(message):
            line = f"warning: {message}"
    return line


def noun(statuses: Mapping[Status, int]) -> str:
    """Return the noun for all rows of a run: images, or files if some are no photographs."""
    return "files" if statuses.get(Status.SKIPPED) else "images"


def outcome(
    statuses: Mapping[Status, int], error_classes: Mapping[ErrorClass, int], salvaged: int = 0
) -> str:
    """Summarize statuses: 98 ok (1 salvaged), 2 skipped (2 sidecars), 2 failed (decode 2)."""
    parts = [f"{statuses.get(Status.OK, 0)} ok" + (f" ({salvaged} salvaged)" if salvaged else "")]
    if statuses.get(Status.SKIPPED):
        parts.append(f"{statuses[Status.SKIPPED]} skipped ({listed(error_classes)})")
    failed = statuses.get(Status.FAILED, 0)
    if failed:
        counts = sorted(failed_only(error_classes).items(), key=lambda item: -item[1])
        classes = ", ".join(f"{name} {count}" for name, count in counts)
        parts.append(f"{failed} failed ({classes})")
    if statuses.get(Status.DUPLICATE):
        parts.append(f"{statuses[Status.DUPLICATE]} named twice")
    return ", ".join(parts)


def _style(event: RunEvent) -> str | None:
    unusual = (ActorLost, ActorNotStarted, ShardIsolated, Waiting, Warned)
    return "yellow" if isinstance(event, unusual) else None
