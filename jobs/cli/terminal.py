"""The terminal: what people read, and how a command that was stopped or failed ends."""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.logging import RichHandler
from rich.text import Text

from jobs.cli.exit_codes import ExitCode, ending

# What typer (Ctrl-C) and Ray (SIGTERM, once it was started) turn a signal into.
_INTERRUPTED = (130, signal.SIGTERM)
_NOBODY_READS = 1  # what typer and rich turn a closed pipe into

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class _Terminal(Console):
    """Shows texts without what they may command: names of files can hold escape sequences."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(_CONTROL.sub("\ufffd", text), **options)


def console() -> Console:
    """Return where people read: standard error, so that standard output stays for data."""
    return _Terminal(stderr=True, soft_wrap=True)


def run(command_line: Callable[[], object]) -> None:
    """Run a command line, turning what it raises into one line and an exit code."""
    logging.basicConfig(
        level=logging.WARNING,
        format="%(message)s",
        handlers=[RichHandler(console=console(), show_path=False, markup=False)],
    )
    # What it says of a file stands in the file's row, where it matters.
    logging.getLogger("imagecodecs").setLevel(logging.ERROR)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # schedulers send it; as Ctrl-C
    try:
        command_line()
    except SystemExit as end:
        if end.code in _INTERRUPTED:
            _tell("stopped", "the same command goes on from what is committed")
        elif end.code != _NOBODY_READS:
            raise
        else:
            _write_to_nobody()
        sys.exit(ExitCode.TRY_AGAIN)
    except Exception as error:
        known = ending(error)
        if known is None:
            raise
        code, line = known
        _tell("stopped" if code is ExitCode.TRY_AGAIN else "error", line)
        sys.exit(code)


def _tell(kind: str, what: object) -> None:
    try:
        console().print(f"{kind}: {what}", style="bold red", markup=False, highlight=False)
    except SystemExit:  # of rich, where nobody reads; the code still says it
        _write_to_nobody()


def _write_to_nobody() -> None:
    """Give what is still buffered somewhere to go, or Python would end with a code of its own."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
