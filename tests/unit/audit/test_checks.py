"""verify_run: each broken promise of a run is a finding that names it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from sr_core.archive.ledger.layout import RUN_KEY, part_name, plan_name, success_name
from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.storage import open_store
from sr_core.archive.tables import metrics_rows, metrics_table, to_parquet
from sr_core.audit.verify.checks import verify_run
from sr_core.audit.verify.findings import Finding, Severity
from sr_core.records import MetricsRow, Status
from tests.support.small_run import (
    begin,
    contents,
    ok_row,
    plan_bytes,
    plan_retry,
    planned_images,
    process_round,
    record,
    work,
)
from tests.support.tampering import reseal

IMAGES = planned_images(4, per_shard=2, refused={1})
FIRST_KEY = "album/0.jpg"
FIRST_OUTPUT = "images/album/0.jpg"
PART = part_name(0, 0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Create a finished, intact run of two shards."""
    work(open_store(str(tmp_path)), IMAGES, "a")
    return tmp_path


def findings_of(root: Path) -> list[Finding]:
    """Verify a run whose closing records were made to agree with whatever was changed."""
    reseal(root)
    return verify_run(open_store(str(root)))


def the_only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1, findings
    return findings[0]


def rewrite_part(
    root: Path, change: Callable[[list[MetricsRow]], list[MetricsRow]], **metadata: str
) -> None:
    """Change the rows of the first shard, bypassing the ledger."""
    rows = change(metrics_rows(pq.read_table(root / PART)))
    labels = {"run_id": record().run_id, "round": "0", "shard": "0"} | metadata
    named = {f"srfleet.{name}": value for name, value in labels.items()}
    (root / PART).write_bytes(to_parquet(metrics_table(rows), named))


def damage_column_names(table: Path) -> None:
    data = table.read_bytes()
    assert b"image_id" in data
    table.write_bytes(data.replace(b"image_id", b"\xff" * 8))


def damage_pages(table: Path) -> None:
    """Flip a bit in the last page of every column."""
    data = bytearray(table.read_bytes())
    group = pq.read_metadata(table).row_group(0)
    for column in map(group.column, range(group.num_columns)):
        start = column.dictionary_page_offset or column.data_page_offset
        data[start + column.total_compressed_size - 1] ^= 1
    table.write_bytes(data)


def change_first(root: Path, **changes: Any) -> None:
    rewrite_part(root, lambda rows: [replace(rows[0], **changes), *rows[1:]])


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
        assert "do not match its run id" in the_only(findings_of(root)).message


class TestPlan:
    def test_damaged(self, root: Path) -> None:
        (root / plan_name(0)).write_bytes(b"no table")
        assert the_only(findings_of(root)).subject == plan_name(0)

    def test_damaged_in_the_name_of_a_column(self, root: Path) -> None:
        damage_column_names(root / plan_name(0))
        assert the_only(findings_of(root)).subject == plan_name(0)

    def test_damaged_in_the_pages(self, root: Path) -> None:
        damage_pages(root / plan_name(0))
        assert the_only(findings_of(root)).subject == plan_name(0)

    def test_of_another_run(self, root: Path) -> None:
        (root / plan_name(0)).write_bytes(plan_bytes("f" * 16, IMAGES))
        assert "is not a plan of run" in the_only(findings_of(root)).message

    def test_image_planned_twice(self, root: Path) -> None:
        (root / plan_name(0)).write_bytes(plan_bytes(record().run_id, [*IMAGES, IMAGES[0]]))
        finding = the_only(findings_of(root))
        assert finding.subject == IMAGES[0].image.image_id
        assert finding.message == "plan.parquet lists it more than once"

    def test_output_planned_for_two_images(self, root: Path) -> None:
        shared = replace(IMAGES[2], output_key=FIRST_OUTPUT)
        (root / plan_name(0)).write_bytes(
            plan_bytes(record().run_id, [*IMAGES[:2], shared, IMAGES[3]])
        )
        messages = {each.subject: each.message for each in findings_of(root)}
        assert messages[FIRST_OUTPUT] == "it is planned as the output of two images"

    def test_shard_that_was_never_planned(self, root: Path) -> None:
        (root / plan_name(0)).write_bytes(plan_bytes(record().run_id, IMAGES[:2]))
        messages = {each.subject: each.message for each in findings_of(root)}
        assert messages[part_name(0, 1)] == "plan.parquet has no shard 1"


class TestPart:
    def test_damaged(self, root: Path) -> None:
        damage_pages(root / PART)
        assert PART in {finding.subject for finding in findings_of(root)}

    def test_damaged_in_the_name_of_a_column(self, root: Path) -> None:
        damage_column_names(root / PART)
        assert PART in {finding.subject for finding in findings_of(root)}

    def test_image_without_a_row(self, root: Path) -> None:
        rewrite_part(root, lambda rows: rows[1:])
        messages = {each.subject: each.message for each in findings_of(root)}
        assert messages[IMAGES[0].image.image_id] == f"it is planned, but {PART} has no row for it"

    def test_image_with_two_rows(self, root: Path) -> None:
        rewrite_part(root, lambda rows: [*rows, rows[0]])
        messages = {each.subject: each.message for each in findings_of(root)}
        assert messages[IMAGES[0].image.image_id] == f"{PART} has more than one row for it"

    def test_image_that_was_not_planned(self, root: Path) -> None:
        stranger = ok_row(planned_images(9, per_shard=9)[8], b"", 0, "a")
        rewrite_part(root, lambda rows: [*rows, replace(stranger, status=Status.DUPLICATE)])
        messages = {each.subject: each.message for each in findings_of(root)}
        assert "it is not planned in this shard" in messages["album/8.jpg"]

    @pytest.mark.parametrize("name", ["run_id", "round", "shard"])
    def test_written_for_something_else(self, root: Path, name: str) -> None:
        rewrite_part(root, list, **{name: "7"})
        finding = the_only(findings_of(root))
        assert finding.subject == PART
        assert f"its {name} is 7, not" in finding.message

    @pytest.mark.parametrize("name", ["shard-00000.parquet.bak", "notes.txt", "shard-0.parquet"])
    def test_neighbour_that_is_no_part(self, root: Path, name: str) -> None:
        (root / "metrics" / name).write_bytes(b"")
        finding = the_only(findings_of(root))
        assert finding.subject == f"metrics/{name}"
        assert "is not a metrics part" in finding.message

    def test_of_a_round_without_a_plan(self, root: Path) -> None:
        os.link(root / PART, root / part_name(3, 0))
        assert the_only(findings_of(root)).message == "round 3 has no plan"


class TestRow:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"round": 1}, "has another round or shard"),
            ({"shard": 5}, "has another round or shard"),
            ({"key": "album/elsewhere.jpg"}, "has another source than the plan"),
            ({"output_key": "images/album/2.jpg"}, "its output is images/album/2.jpg, planned"),
            ({"output_key": None}, "it is ok but has no output"),
        ],
    )
    def test_that_does_not_fit_the_plan(
        self, root: Path, changes: dict[str, Any], message: str
    ) -> None:
        change_first(root, **changes)
        assert any(message in finding.message for finding in findings_of(root))

    def test_failed_without_an_error_class(self, root: Path) -> None:
        change_first(root, status=Status.FAILED)
        messages = {each.subject: each.message for each in findings_of(root)}
        assert messages[FIRST_KEY] == "it is failed without an error class"

    def test_ok_with_an_error_class(self, root: Path) -> None:
        change_first(root, error_class="decode")
        messages = {each.subject: each.message for each in findings_of(root)}
        assert messages[FIRST_KEY] == "it is ok with error class decode"


class TestOutput:
    def test_missing(self, root: Path) -> None:
        (root / FIRST_OUTPUT).unlink()
        finding = the_only(findings_of(root))
        assert finding == Finding(
            Severity.ERROR, FIRST_OUTPUT, f"the output of {FIRST_KEY} is missing"
        )

    def test_of_another_size(self, root: Path) -> None:
        with (root / FIRST_OUTPUT).open("ab") as file:
            file.write(b"!")
        assert "bytes, not" in the_only(findings_of(root)).message

    def test_with_one_bit_flipped(self, root: Path) -> None:
        data = bytearray((root / FIRST_OUTPUT).read_bytes())
        data[-1] ^= 1
        (root / FIRST_OUTPUT).write_bytes(data)
        assert the_only(findings_of(root)) == Finding(
            Severity.ERROR, FIRST_OUTPUT, "its bytes do not match their SHA-256"
        )

    def test_flipped_beyond_the_first_piece_that_is_read(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sr_core.audit.verify.shards._CHUNK_BYTES", 4)
        assert findings_of(root) == []
        self.test_with_one_bit_flipped(root)

    def test_key_that_leaves_the_root(self, root: Path) -> None:
        change_first(root, output_key="images/../../escaped.jpg")
        findings = [each for each in findings_of(root) if each.subject.startswith("images/..")]
        assert "'..'" in the_only(findings).message

    def test_that_no_plan_names(self, root: Path) -> None:
        (root / "images" / "holiday.jpg").write_bytes(b"")
        assert the_only(findings_of(root)) == Finding(
            Severity.ERROR, "images/holiday.jpg", "it is in no plan"
        )

    def test_of_an_image_that_failed_afterwards_is_no_finding(self, tmp_path: Path) -> None:
        store = open_store(str(tmp_path))
        work(store, IMAGES, "a", sick={FIRST_KEY})
        store.put_if_absent(FIRST_OUTPUT, b"written just before the worker died")
        assert verify_run(store) == []


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

    def test_although_a_shard_is_missing(self, root: Path) -> None:
        (root / PART).unlink()
        finding = the_only(findings_of(root))
        assert finding.severity is Severity.ERROR
        assert finding.message == ("the round is closed, but 1 shards of round 0 are not committed")


class TestDigests:
    def findings(self, root: Path) -> list[Finding]:
        return verify_run(open_store(str(root)))

    @pytest.mark.parametrize("key", [PART, RUN_KEY])
    def test_of_an_object_that_was_changed(self, root: Path, key: str) -> None:
        with (root / key).open("ab") as file:
            file.write(b"\n")
        messages = [each.message for each in self.findings(root) if each.subject == key]
        assert f"it was changed after {success_name(0)} was written" in messages

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
        Ledger(open_store(str(tmp_path))).open_run(record())
        finding = the_only(findings_of(tmp_path))
        assert finding == Finding(Severity.WARNING, plan_name(0), "the run has no plan yet")

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
