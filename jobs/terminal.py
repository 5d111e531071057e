"""A terminal that prints text as it is, whatever a file name contains."""

from __future__ import annotations

import os
import re
from typing import IO

from rich.console import Console, HighlighterType, JustifyMethod, OverflowMethod
from rich.style import Style
from rich.text import Text

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
        discard(self.file)


def discard(stream: IO[str]) -> None:
    """Discard buffered output: flushing it at exit would fail and change the exit code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
