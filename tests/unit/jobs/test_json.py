"""JSON of the commands matches docs/json.md."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import get_args, get_origin, get_type_hints

import pytest

from jobs.cli.answers.answer import About, Answer
from jobs.cli.answers.audit import AuditAnswer, AuditedRunAnswer, FlaggedAnswer, TallyAnswer
from jobs.cli.answers.explain import ExplainAnswer, ExplainedRound
from jobs.cli.answers.models import ExportAnswer, ListedAnswer, ModelsAnswer
from jobs.cli.answers.plan import PlanAnswer
from jobs.cli.answers.replay import ReplayAnswer
from jobs.cli.answers.status import StatusAnswer
from jobs.cli.answers.upscale import UpscaleAnswer
from jobs.cli.answers.verify import FindingAnswer, VerifyAnswer
from jobs.cli.event_log import event_name
from jobs.cli.json_text import to_text
from jobs.upscale.observer import RunEvent, RunOutcome, ShardCommitted
from sr_core.audit.verify.checks import Verification
from sr_core.audit.verify.findings import Kind, broken, noted, unfinished
from sr_core.records import ShardResult

PAGE = (Path(__file__).parents[3] / "docs" / "json.md").read_text()
NAMES = {str: "string", int: "integer", float: "number", bool: "boolean"}


def json_type(hint: object) -> str:
    """Return the JSON type of a field, as the page names it."""
    arguments = get_args(hint)
    if get_origin(hint) is UnionType:
        return " or ".join("null" if each is NoneType else json_type(each) for each in arguments)
    if get_origin(hint) in (dict, Mapping):
        return f"object of {json_type(arguments[1])}s"
    if get_origin(hint) in (list, tuple):
        return f"array of {json_type(arguments[0])}s"
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return "string"
    return "object" if is_dataclass(hint) else NAMES[hint]


def documented(section: str) -> list[tuple[str, ...]]:
    """Return the rows of the table in a section of the page."""
    text = PAGE.partition(f"## {section}\n")[2].partition("\n## ")[0]
    lines = re.findall(r"^\| (.*) \|$", text, re.MULTILINE)[2:]
    return [tuple(re.split(r" *\| *", line)) for line in lines]


@pytest.mark.parametrize(
    ("section", "answer"),
    [
        ("srfleet status --json", StatusAnswer),
        ("srfleet plan --json", PlanAnswer),
        ("srfleet verify --json", VerifyAnswer),
        ("A finding", FindingAnswer),
        ("srfleet audit --json", AuditAnswer),
        ("An audited run", AuditedRunAnswer),
        ("A flagged image", FlaggedAnswer),
        ("A tally", TallyAnswer),
        ("srfleet explain --json", ExplainAnswer),
        ("A round of an explained image", ExplainedRound),
        ("srfleet replay --json", ReplayAnswer),
        ("srfleet upscale --json", UpscaleAnswer),
        ("srfleet models --json", ModelsAnswer),
        ("A listed model", ListedAnswer),
        ("srfleet export --json", ExportAnswer),
    ],
)
def test_every_field_of_an_answer_is_documented(section: str, answer: type) -> None:
    hints = get_type_hints(answer, include_extras=True)
    rows = []
    for each in fields(answer):
        plain, about = get_args(hints[each.name])
        assert isinstance(about, About)
        rows.append((f"`{each.name}`", json_type(plain), about.unit, about.meaning))
    if issubclass(answer, Answer):
        rows.insert(0, ("`schema`", "string", "", f"`{answer.schema}`"))
    assert documented(section) == rows


def fields_of(event: type) -> list[tuple[str, str]]:
    """Return the fields that an event adds to its line, with their types."""
    kind = ShardResult if event is ShardCommitted else event
    return [(f"`{name}`", json_type(hint)) for name, hint in get_type_hints(kind).items()]


def test_every_field_of_every_event_is_documented() -> None:
    written = {event_name(kind): fields_of(kind) for kind in get_args(RunEvent)}
    written["run_finished"] = fields_of(RunOutcome)
    written["run_stopped"] = [("`exit_code`", "integer"), ("`message`", "string")]
    written["log_opened"] = [(f"`{name}`", "string") for name in ("version", "source", "output")]
    rows: dict[str, list[tuple[str, str]]] = {}
    for event, name, kind, _, meaning in documented("upscale --log-json FILE"):
        assert meaning
        rows.setdefault(event.strip("`"), []).append((name, kind))
    assert rows == written


@pytest.mark.parametrize("name", ["\x7f", "\x1b[31m", "\ud800", "caf\u00e9", "\u202e", 'a"b\\'])
def test_any_name_is_ascii_in_json_and_comes_back(name: str) -> None:
    text = to_text({"name": name})
    assert text.isprintable()
    assert text.isascii()
    assert json.loads(text) == {"name": name}


def test_what_json_lacks_becomes_null() -> None:
    assert json.loads(to_text([float("inf"), float("nan"), 1.5])) == [None, None, 1.5]


def test_findings_are_counted_by_severity() -> None:
    findings = (
        broken(Kind.DAMAGED_OUTPUT, "images/a.png", "its bytes differ"),
        unfinished("shard 3", "is missing"),
        noted(Kind.FOREIGN, "notes.txt", "it is no object of the run"),
    )
    found = Verification(findings)
    answer = json.loads(VerifyAnswer.of(found, "file:///out", None, None).json_text())
    assert answer["notes"] == 1
    assert (answer["schema"], answer["errors"], answer["warnings"]) == ("srfleet.verify/1", 1, 1)
    assert answer["findings"][0] == {
        "severity": "error",
        "subject": "images/a.png",
        "message": "its bytes differ",
        "kind": "damaged output",
    }
