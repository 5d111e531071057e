"""What a person sees while a run goes: a live line on a terminal, log lines elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from sr_core.errors import ErrorClass
from sr_core.records import ShardResult, Status

_LOG_EVERY_S = 30.0


class Display:
    """Show the progress of one round; a context manager.

    On a terminal one line is kept up to date. Elsewhere a line is printed every 30 seconds.
    """

    def __init__(self, console: Console, images: int, images_done: int, megapixels: float) -> None:
        """Take what there is to do: images in all, those done before, megapixels left."""
        self._console, self._images, self._done = console, images, images_done
        self._megapixels_left, self._megapixels_done = megapixels, 0.0
        self._failures: Counter[ErrorClass] = Counter()
        self._start = self._printed_at = time.monotonic()
        self._live = Live(console=console, get_renderable=self._line, transient=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def add(self, result: ShardResult) -> None:
        """Count a shard that came to its commit."""
        self._done += sum(result.statuses.values())
        self._failures.update(result.failures)
        self._megapixels_done += result.output_megapixels
        now = time.monotonic()
        if not self._console.is_terminal and now - self._printed_at >= _LOG_EVERY_S:
            self._printed_at = now
            self._console.print(self._text(), highlight=False)

    def _line(self) -> Table:
        line = Table.grid()
        line.add_row(self._text())
        return line

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


def duration(seconds: float) -> str:
    """Say a time in the two units that matter: 45 s, 3 min 20 s, 5 h 12 min, 3 d 4 h."""
    whole = round(seconds)
    for unit, size, smaller, part in (
        ("d", 86_400, "h", 3600),
        ("h", 3600, "min", 60),
        ("min", 60, "s", 1),
    ):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // part} {smaller}"
    return f"{whole} s"


def outcome(statuses: Mapping[Status, int], error_classes: Mapping[ErrorClass, int]) -> str:
    """Say how images ended: 98 ok, 2 failed (decode 2)."""
    parts = [f"{statuses.get(Status.OK, 0)} ok"]
    failed = statuses.get(Status.FAILED, 0)
    if failed:
        listed = sorted(error_classes.items(), key=lambda item: -item[1])
        classes = ", ".join(
            f"{name} {count}" for name, count in listed if name is not ErrorClass.DUPLICATE_KEY
        )
        parts.append(f"{failed} failed ({classes})")
    if statuses.get(Status.DUPLICATE):
        parts.append(f"{statuses[Status.DUPLICATE]} named twice")
    return ", ".join(parts)
