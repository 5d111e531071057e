"""The terminal: answers on standard output, notices on standard error, and how a command ends."""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
from collections.abc import Callable
from functools import cache
from io import TextIOWrapper
from typing import IO

from rich.console import Console, HighlighterType, JustifyMethod, OverflowMethod
from rich.style import Style
from rich.text import Text

from jobs.cli.exit_codes import ExitCode, ending

# Exit codes that typer (Ctrl-C) and Ray (SIGTERM, once it has started) exit with after a signal.
_INTERRUPTED = (130, signal.SIGTERM)
_CLOSED_PIPE = 1  # the exit code that click exits with after a closed pipe
_UNLIMITED = 10_000  # columns; lines in a file or a pipe are not wrapped

# Control characters, line separators and marks that change the direction of writing.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_LINE_BREAK = re.compile(r"[\t\n]")


class Terminal(Console):
    """A console that prints text as it is.

    File names may contain anything: `[red]`, `:smile:` and escape sequences have no effect here.
    Markup, emoji codes and highlighting are off unless a call asks for them, and control
    characters are replaced. Lines are never wrapped if the output is not a terminal.
    """

    def __init__(
        self, file: IO[str] | None = None, *, stderr: bool = False, force_terminal: bool = False
    ) -> None:
        """Print to a file, or to standard output or error, which are looked up at each call."""
        super().__init__(
            file=file,
            stderr=stderr,
            force_terminal=force_terminal or None,
            markup=False,
            emoji=False,
            highlight=False,
            soft_wrap=True,
        )
        if not self.is_terminal:
            self.width = _UNLIMITED

    def render_str(
        self,
        text: str,
        *,
        style: str | Style = "",
        justify: JustifyMethod | None = None,
        overflow: OverflowMethod | None = None,
        emoji: bool | None = None,
        markup: bool | None = None,
        highlight: bool | None = None,
        highlighter: HighlighterType | None = None,
    ) -> Text:
        """Render a string without its control characters."""
        return super().render_str(
            _CONTROL.sub("\ufffd", text),
            style=style,
            justify=justify,
            overflow=overflow,
            emoji=emoji,
            markup=markup,
            highlight=highlight,
            highlighter=highlighter,
        )

    def say(self, text: str, *, style: str | None = None) -> None:
        """Print one line, even if the text has line breaks."""
        self.print(_LINE_BREAK.sub("\ufffd", text), style=style)

    def data(self, text: str) -> None:
        """Print text for a program to read, unchanged."""
        try:
            self.file.write(text + "\n")
            self.file.flush()
        except BrokenPipeError:
            self.on_broken_pipe()

    def on_broken_pipe(self) -> None:
        """Stop printing but keep running: the reader has left, but the exit code still matters."""
        self.quiet = True
        _discard(self.file)


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
            _discard(sys.stdout)
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


def _discard(stream: IO[str]) -> None:
    """Discard buffered output: flushing it at exit would fail and change the exit code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
