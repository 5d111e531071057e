"""Progress of a command that counts: one live line on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from typing import Self

from rich.live import Live
from rich.text import Text

from jobs.terminal import Terminal

_LIVE_S = 0.2
_LINE_S = 30.0


class CountProgress:
    """Shows how many of something are done; called with its name, the count and the total."""

    def __init__(self, terminal: Terminal) -> None:
        """Show progress on a terminal or in a log."""
        self._terminal = terminal
        self._live = Live(console=terminal, transient=True, auto_refresh=False)
        self._next = time.monotonic() + (0.0 if terminal.is_terminal else _LINE_S)

    def __enter__(self) -> Self:
        if self._terminal.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def __call__(self, counted: str, done: int, total: int) -> None:
        """Show a count, if some time has passed since the last one."""
        now = time.monotonic()
        if now < self._next:
            return
        text = f"{done} of {total} {counted}"
        if self._terminal.is_terminal:
            self._next = now + _LIVE_S
            self._live.update(Text(text, no_wrap=True, overflow="ellipsis"), refresh=True)
        else:
            self._next = now + _LINE_S
            self._terminal.say(text)
