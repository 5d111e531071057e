"""srfleet upscale: drive a run, show its events on a terminal, and choose the exit code."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console

from jobs.cli.display import Display, outcome
from jobs.cli.exit_codes import ExitCode
from jobs.upscale.observer import (
    ActorLost,
    ActorNotStarted,
    RoundBegun,
    RoundFinished,
    RoundNotNeeded,
    RunEvent,
    RunOpened,
    ShardCommitted,
    ShardIsolated,
    SourceChanged,
    Waiting,
    Warned,
)
from jobs.upscale.run import upscale
from sr_core.archive.source.changes import Change
from sr_core.config import JobConfig

_REMEDIES = {
    Change.NEW: "; --extend takes them in",
    Change.CHANGED: "; their outputs stay those of the planned version",
    Change.GONE: "",
}


def run_upscale(
    job: JobConfig,
    console: Console,
    *,
    retry_failed: bool = False,
    extend: bool = False,
    report: bool = True,
) -> ExitCode:
    """Drive a run and print its progress and outcome.

    Returns:
        DONE, or FAILED_IMAGES if images failed.

    Raises: as `jobs.upscale.run.upscale`.
    """
    with TerminalObserver(console) as observer:
        ended = upscale(job, observer, retry_failed=retry_failed, extend=extend, report=report)
    _say(console, f"{ended.images} images: {outcome(ended.statuses, ended.error_classes)}")
    if ended.report_uri is not None:
        _say(console, f"report: {ended.report_uri}")
    if not ended.images_failed:
        return ExitCode.DONE
    _say(console, "the failed ones are named in the report; --retry-failed tries them again")
    return ExitCode.FAILED_IMAGES


class TerminalObserver:
    """Prints the events of a run as lines, with one live line while a round runs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._display: Display | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def observe(self, event: RunEvent) -> None:
        """Print an event, or update the live line."""
        match event:
            case RoundBegun():
                self._begin(event)
            case ShardCommitted(result):
                if self._display is not None:
                    self._display.add(result)
            case RoundFinished():
                self._close()
            case _ if (line := _line(event)) is not None:
                _say(self._console, line)

    def _begin(self, event: RoundBegun) -> None:
        if event.images_done:
            _say(
                self._console,
                f"{event.images_done} done, {event.images - event.images_done} left",
            )
        self._display = Display(
            self._console, event.images, event.images_done, event.megapixels_left
        )
        self._display.__enter__()

    def _close(self) -> None:
        if self._display is not None:
            self._display.__exit__(None, None, None)
            self._display = None


def _line(event: RunEvent) -> str | None:
    """Return the line that announces an event; None if it has none."""
    line = None
    match event:
        case RunOpened(run_id, source_uri, root_uri):
            line = f"run {run_id}: {source_uri} -> {root_uri}"
        case SourceChanged(change, count, first_keys):
            names = ", ".join(first_keys) + (", ..." if count > len(first_keys) else "")
            line = f"source: {count} {change} since the plan ({names}){_REMEDIES[change]}"
        case RoundNotNeeded(reason):
            line = reason
        case ActorLost(_, shards, reason):
            line = f"an actor is gone, {shards} shards again: {reason}"
        case ActorNotStarted(reason, place_given_up):
            less = "; continuing with one actor less" if place_given_up else ""
            line = f"an actor could not start: {reason}{less}"
        case ShardIsolated(_, shard, deaths):
            line = f"shard {shard} killed its actor {deaths} times: its images run one by one"
        case Waiting(reason, pause_s):
            line = f"{reason}; next try in {pause_s:g} s"
        case Warned(message):
            line = f"warning: {message}"
    return line


def _say(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False)
