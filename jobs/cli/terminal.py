"""Answers on standard output, notices on standard error, and how a command ends."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable
from functools import cache
from io import TextIOWrapper

from jobs.cli.exit_codes import ExitCode, ending
from jobs.terminal import Terminal, discard

# Exit codes that typer (Ctrl-C) and Ray (SIGTERM, once it has started) exit with after a signal.
_INTERRUPTED = (130, signal.SIGTERM)
_CLOSED_PIPE = 1  # the exit code that click exits with after a closed pipe


@cache
def answers() -> Terminal:
    """Return the terminal for the answer of a command: standard output."""
    return Terminal()


@cache
def notices() -> Terminal:
    """Return the terminal for progress, warnings and errors: standard error."""
    return Terminal(stderr=True)


class _LogLines(logging.Handler):
    """Prints log records as notices, one line each."""

    def emit(self, record: logging.LogRecord) -> None:
        text = f"{record.levelname.lower()}: {self.format(record)}"
        notices().print(text, style="yellow" if record.levelno < logging.ERROR else "red")


def run(command_line: Callable[[], object]) -> None:
    """Run a command line, turning each exception into one line and an exit code."""
    _prepare_process()
    try:
        command_line()
    except SystemExit as end:
        if end.code in _INTERRUPTED:
            _report("stopped", "the same command resumes from what is committed")
        elif end.code != _CLOSED_PIPE:
            raise
        else:
            discard(sys.stdout)
        sys.exit(ExitCode.TRY_AGAIN)
    except Exception as error:
        known = ending(error)
        if known is None:
            raise
        code, message = known
        _report("stopped" if code is ExitCode.TRY_AGAIN else "error", message)
        sys.exit(code)


def _prepare_process() -> None:
    """Set up logging, signals and output of this process."""
    lines = _LogLines()
    lines.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    logging.basicConfig(level=logging.WARNING, handlers=[lines])
    # Its warnings about a file are recorded in the file's row.
    logging.getLogger("imagecodecs").setLevel(logging.ERROR)
    # Schedulers send SIGTERM; it acts as Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a name may not fit the encoding of the locale
            stream.reconfigure(errors="backslashreplace")


def _report(kind: str, message: str) -> None:
    notices().print(f"{kind}: {message}", style="bold red")
