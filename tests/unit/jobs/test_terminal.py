"""The terminal: plain text, one line each, for any names."""

from __future__ import annotations

import io
import logging

import pytest
from rich.table import Table

from jobs.cli.terminal import notices, run
from jobs.terminal import Terminal


@pytest.fixture
def text() -> io.StringIO:
    return io.StringIO()


@pytest.mark.parametrize("name", ["[/scans]", "[red]x[/red]", "\\[x]", ":smile:", "%s {}", "[/]"])
def test_names_are_printed_as_they_are(name: str, text: io.StringIO) -> None:
    terminal = Terminal(text)
    table = Table(name)
    table.add_row(name)
    terminal.print(name)
    terminal.say(name)
    terminal.print(table)
    assert text.getvalue().count(name) == 4


def test_styles_color_a_line_without_markup(text: io.StringIO) -> None:
    Terminal(text, force_terminal=True).say("[red]", style="yellow")
    assert text.getvalue() == "\x1b[33m[red]\x1b[0m\n"


def test_control_characters_are_replaced_and_a_line_stays_one(text: io.StringIO) -> None:
    Terminal(text).say("a\x1b]0;owned\x07\r\nb\u202e\x9b\u2028c")
    assert text.getvalue() == "a\ufffd]0;owned\ufffd\ufffd\ufffdb\ufffd\ufffd\ufffdc\n"


def test_long_lines_are_not_wrapped_without_a_terminal(text: io.StringIO) -> None:
    terminal = Terminal(text)
    table = Table(box=None, show_header=False)
    table.add_row("word " * 100)
    terminal.print("word " * 100)
    terminal.print(table)
    assert len(text.getvalue().splitlines()) == 2


def test_data_is_printed_unchanged(text: io.StringIO) -> None:
    Terminal(text).data("\x1b[red]\r\n")
    assert text.getvalue() == "\x1b[red]\r\n\n"


def test_a_log_record_is_one_line_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:]
    root.handlers.clear()  # as in a process of its own
    try:
        run(lambda: logging.getLogger("sr_core").warning("cannot read %s", "[red]/" + "n" * 300))
    finally:
        root.handlers[:] = before
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert said.err.startswith("warning: ")
    assert said.err.endswith(f" cannot read [red]/{'n' * 300}\n")
    assert not notices().is_terminal
