"""What the documents tell a reader to type exists."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from jobs.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("jobs/**/*.yaml")])
FENCED = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def shown_code(path: Path) -> Iterator[str]:
    """Yield the pieces of a document that a reader may type: code, and comments of job files."""
    text = path.read_text()
    if path.suffix == ".yaml":
        yield from re.findall(r"^# (srfleet .*)$", text, re.MULTILINE)
        return
    for block in FENCED.findall(text):
        yield from block.replace("\\\n", " ").splitlines()
    yield from re.findall(r"`([^`\n]+)`", FENCED.sub("", text))


def shown_commands(program: str) -> list[tuple[str, str]]:
    """Return (document, arguments) wherever a document shows a call of the program."""
    call = re.compile(rf"(?:^|[ /]){program} ([a-z][^&|]*)")
    return [
        (path.name, match[1].strip())
        for path in DOCUMENTS
        for code in shown_code(path)
        for match in call.finditer(code)
    ]


def test_the_readme_shows_how_to_begin() -> None:
    assert ("README.md", "demo") in shown_commands("make")
    assert ("README.md", "upscale ./photos ./photos-x4") in shown_commands("srfleet")


@pytest.mark.parametrize(("document", "command"), shown_commands("srfleet"))
def test_a_shown_command_exists_with_its_options(document: str, command: str) -> None:
    name, *arguments = shlex.split(command, comments=True)
    commands = get_command(app).commands
    assert name in commands, document
    options = {option for parameter in commands[name].params for option in parameter.opts}
    assert {word for word in arguments if word.startswith("-")} <= options, document


@pytest.mark.parametrize(("document", "targets"), shown_commands("make"))
def test_a_shown_make_target_exists(document: str, targets: str) -> None:
    known = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    words = shlex.split(targets, comments=True)
    assert {word for word in words if "=" not in word} <= set(known), document


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_link_leads_to_a_file(path: Path) -> None:
    broken = [link for link in LINK.findall(path.read_text()) if not (path.parent / link).exists()]
    assert broken == []
