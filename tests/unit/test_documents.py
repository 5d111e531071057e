"""Commands, options and names shown in the documents exist."""

from __future__ import annotations

import importlib
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from jobs.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("jobs/**/*.yaml")])
FENCED = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
ANCHOR = re.compile(r"\]\(([^)#:]*)#([^)]+)\)")


def shown_code(path: Path) -> Iterator[str]:
    """Yield the parts of a document that a reader may type: code, and comments of job files."""
    text = path.read_text()
    if path.suffix == ".yaml":
        yield from re.findall(r"^# (srfleet .*)$", text, re.MULTILINE)
        return
    for block in FENCED.findall(text):
        yield from block.replace("\\\n", " ").splitlines()
    yield from re.findall(r"`([^`\n]+)`", FENCED.sub("", text))


def shown_commands(program: str) -> list[tuple[str, str]]:
    """Return (document, arguments) of every call of the program in the documents."""
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


def test_the_readme_is_read_in_three_minutes() -> None:
    text = (ROOT / "README.md").read_text()
    assert len(text.split()) <= 600
    assert re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text) == ["docs/images/before-after.jpg"]


def test_the_map_names_every_page() -> None:
    folder = ROOT / "docs"
    mapped = set(LINK.findall((folder / "README.md").read_text()))
    pages = {str(path.relative_to(folder)) for path in folder.glob("**/*.md")}
    assert pages - mapped == {"README.md"}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_an_anchor_leads_to_a_heading(path: Path) -> None:
    broken = [
        f"{link}#{anchor}"
        for link, anchor in ANCHOR.findall(path.read_text())
        if anchor not in anchors(path.parent / link if link else path)
    ]
    assert broken == []


def anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub makes from the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_named_file_folder_or_module_exists(path: Path) -> None:
    files = {f"/{each.relative_to(ROOT)}" for each in ROOT.glob("[!.]*/**/*.py")}
    code = "\n".join(re.findall(r"`([^`\n]+)`", path.read_text()))
    named = set(re.findall(r"[\w/]+\.py\b", code))
    modules = re.findall(r"\b(?:sr_core|jobs|benchmarks)(?:\.[a-z]\w*)+", code)
    missing = {name for name in named if not any(each.endswith(f"/{name}") for each in files)}
    paths = re.findall(r"(?<![\w./-])(?:sr_core|jobs|tests|docs|benchmarks)/[\w./-]*", code)
    missing |= {name for name in paths if not (ROOT / name).exists()}
    missing |= {name for name in modules if find_object(name) is None}
    assert missing == set()


def find_object(name: str) -> object:
    """Return a module or a member of one by its dotted name; None if missing."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        module, _, member = name.rpartition(".")
        return getattr(find_object(module), member, None) if module else None


def test_the_design_shows_the_layers_that_are_enforced() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (library,) = (
        each["layers"] for each in contracts["contracts"] if each.get("containers") == ["sr_core"]
    )
    shown = FENCED.findall((ROOT / "docs/design.md").read_text())
    assert "\n".join(["jobs", *library, ""]) in shown
