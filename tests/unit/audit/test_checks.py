"""Checks of a run: each broken promise is a finding that names it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sr_core.archive.ledger.layout import RUN_KEY, plan_name, success_name
from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.storage import open_store
from sr_core.audit.verify.checks import verify, verify_run
from sr_core.audit.verify.findings import Finding, Kind, Severity, noted, unfinished
from tests.support.checked_run import (
    FIRST_KEY,
    FIRST_OUTPUT,
    IMAGES,
    PART,
    RECORD,
    change_first,
    findings_of,
    the_only,
)
from tests.support.small_run import (
    begin,
    contents,
    plan_retry,
    process_round,
    work,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Create a finished, intact run of two shards."""
    folder = tmp_path / "run"
    work(open_store(str(folder)), IMAGES, "a")
    return folder


def test_a_sound_run_has_no_findings(root: Path) -> None:
    assert findings_of(root) == []


def test_verifying_writes_nothing(root: Path) -> None:
    before = contents(open_store(str(root)))
    findings_of(root)
    assert contents(open_store(str(root))) == before


class TestRunRecord:
    def test_missing(self, root: Path) -> None:
        (root / RUN_KEY).unlink()
        assert "run.json is missing" in the_only(findings_of(root)).message

    def test_unreadable(self, root: Path) -> None:
        (root / RUN_KEY).write_bytes(b"{")
        assert "is not the record of a run" in the_only(findings_of(root)).message

    def test_changed_after_the_start(self, root: Path) -> None:
        text = (root / RUN_KEY).read_text()
        (root / RUN_KEY).write_text(text.replace('"scale": 4', '"scale": 2'))
        messages = [each.message for each in findings_of(root) if each.subject == RUN_KEY]
        assert messages == ["its contents do not match its run id: it was changed"]

    @pytest.mark.parametrize("changes", [{"scale": "x"}, {"scale": None}, {"target": 5}])
    def test_changed_to_something_without_sense(self, root: Path, changes: dict[str, Any]) -> None:
        content = json.loads((root / RUN_KEY).read_text())
        content["config"] |= changes
        (root / RUN_KEY).write_text(json.dumps(content))
        messages = [each.message for each in findings_of(root) if each.subject == RUN_KEY]
        assert "its configuration is not one of a run" in messages[-1]


class TestNames:
    def notes(self, root: Path) -> list[Finding]:
        assert findings_of(root) == []
        return list(verify(open_store(str(root))).findings)

    def test_foreign_file_at_the_root(self, root: Path) -> None:
        (root / "notes.txt").write_text("mine")
        assert the_only(self.notes(root)) == noted(
            Kind.FOREIGN, "notes.txt", "it is no object of the run"
        )

    def test_report_is_no_finding(self, root: Path) -> None:
        (root / "report.html").write_text("<p>")
        assert self.notes(root) == []

    def test_unfinished_write(self, root: Path) -> None:
        (root / "images" / ".srfleet-tmp-1-2").write_text("half")
        finding = the_only(self.notes(root))
        assert (finding.kind, finding.subject) == (Kind.LEFTOVER, "images/.srfleet-tmp-1-2")

    @pytest.mark.parametrize("target", ["images/album/2.jpg", "/etc/hostname"])
    def test_link_in_place_of_an_output(self, root: Path, target: str) -> None:
        path = root / FIRST_OUTPUT
        path.rename(root / "moved.jpg")
        path.symlink_to(root / target)
        assert Kind.LINK in {each.kind for each in findings_of(root)}

    def test_link_to_the_very_output(self, root: Path) -> None:
        path = root / FIRST_OUTPUT
        path.rename(root / "moved.jpg")
        path.symlink_to(root / "moved.jpg")
        assert the_only(findings_of(root)).kind is Kind.LINK


class TestSuccess:
    def test_that_tells_other_numbers(self, root: Path) -> None:
        path = root / success_name(0)
        path.write_text(path.read_text().replace('"images": 4', '"images": 3'))
        finding = the_only(findings_of(root))
        assert finding.subject == success_name(0)
        assert "'images': 3" in finding.message
        assert "'images': 4" in finding.message

    def test_damaged(self, root: Path) -> None:
        (root / success_name(0)).write_bytes(b"{}")
        assert "is not readable" in the_only(findings_of(root)).message

    @pytest.mark.parametrize("digests", [[], {"../../x": "00"}, {PART: 5}, {PART: "no digest"}])
    def test_with_digests_without_sense(self, root: Path, digests: object) -> None:
        path = root / success_name(0)
        path.write_text(json.dumps(json.loads(path.read_text()) | {"digests": digests}))
        finding = the_only(verify_run(open_store(str(root))))
        assert (finding.kind, finding.subject) == (Kind.CLOSING_RECORD, success_name(0))
        assert "is not readable" in finding.message

    def test_although_a_shard_is_missing(self, root: Path) -> None:
        (root / PART).unlink()
        finding = the_only(findings_of(root))
        assert finding.severity is Severity.ERROR
        assert finding.message == ("the round is closed, but 1 shards of round 0 are not committed")


class TestDigests:
    def findings(self, root: Path) -> list[Finding]:
        return verify_run(open_store(str(root)))

    @pytest.mark.parametrize("key", [PART, plan_name(0), RUN_KEY])
    def test_of_an_object_that_was_changed(self, root: Path, key: str) -> None:
        with (root / key).open("ab") as file:
            file.write(b"\n")
        messages = [each.message for each in self.findings(root) if each.subject == key]
        assert "it was changed after its round was closed" in messages

    def test_of_an_object_that_is_gone(self, root: Path) -> None:
        (root / PART).unlink()
        assert PART in {each.subject for each in self.findings(root)}

    def test_of_an_edited_row(self, root: Path) -> None:
        change_first(root, worker="somebody else")
        assert the_only(self.findings(root)).subject == PART

    def test_that_do_not_make_the_root_hash(self, root: Path) -> None:
        path = root / success_name(0)
        record = json.loads(path.read_text())
        path.write_text(json.dumps(record | {"root_hash": "0" * 64}))
        assert the_only(self.findings(root)).message == "its root hash is not that of its digests"


class TestUnfinishedRun:
    def test_without_a_plan(self, tmp_path: Path) -> None:
        Ledger(open_store(str(tmp_path))).open_run(RECORD)
        finding = the_only(findings_of(tmp_path))
        assert finding == unfinished(plan_name(0), "the run has no plan yet")

    def test_with_shards_left(self, root: Path) -> None:
        (root / PART).unlink()
        (root / success_name(0)).unlink()
        finding = the_only(findings_of(root))
        assert finding.severity is Severity.WARNING
        assert "1 shards of round 0 are not committed; run the same command" in finding.message

    def test_not_closed(self, root: Path) -> None:
        (root / success_name(0)).unlink()
        finding = the_only(findings_of(root))
        assert finding.severity is Severity.WARNING
        assert "round 0 is not closed" in finding.message


def test_further_rounds_are_checked_as_the_first_one(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    work(store, IMAGES, "a", sick={FIRST_KEY})
    ledger = begin(store, IMAGES)
    retry = plan_retry(ledger)
    process_round(ledger, retry, "b")
    ledger.close_rounds(ledger.snapshot())
    assert verify_run(store) == []
    (tmp_path / FIRST_OUTPUT).unlink()
    assert the_only(verify_run(store)).subject == FIRST_OUTPUT
