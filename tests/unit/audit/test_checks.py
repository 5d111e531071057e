"""verify_run: each broken promise of a run is a finding that names it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sr_core.archive.ledger.layout import RUN_KEY, part_name, plan_name, success_name
from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.schemas import LATER_COLUMNS, METRICS_SCHEMA
from sr_core.archive.storage import open_store
from sr_core.archive.tables import metrics_rows, metrics_table, to_parquet
from sr_core.audit.verify.checks import Verification, verify, verify_run
from sr_core.audit.verify.findings import Finding, Kind, Severity, broken, noted, unfinished
from sr_core.audit.verify.outputs import Sample
from sr_core.audit.verify.rules import rules_of
from sr_core.records import MetricsRow, Status
from tests.support.small_run import (
    CONFIG,
    begin,
    contents,
    manifest_digest_of,
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
RECORD = record(manifest_digest=manifest_digest_of(IMAGES))
RUN_ID = RECORD.run_id
FIRST_KEY = "album/0.jpg"
FIRST_OUTPUT = "images/album/0.jpg"
PART = part_name(0, 0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Create a finished, intact run of two shards."""
    folder = tmp_path / "run"
    work(open_store(str(folder)), IMAGES, "a")
    return folder


def findings_of(root: Path) -> list[Finding]:
    """Verify a run whose closing records were made to agree with whatever was changed."""
    reseal(root)
    return verify_run(open_store(str(root)))


def the_only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1, findings
    return findings[0]


def the_only_of(messages: list[str]) -> str:
    assert len(messages) == 1, messages
    return messages[0]


def rewrite_part(
    root: Path, change: Callable[[list[MetricsRow]], list[MetricsRow]], **metadata: str
) -> None:
    """Change the rows of the first shard, bypassing the ledger."""
    rows = change(metrics_rows(pq.read_table(root / PART)))
    labels = {"run_id": RUN_ID, "round": "0", "shard": "0"} | metadata
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


def erase_first(table: Path, name: str) -> None:
    """Replace the first value of a column by null, as only another program can."""
    found = pq.read_table(table)
    field = found.schema.field(name)
    values = pa.array([None, *found[name].to_pylist()[1:]], field.type)
    place = found.schema.get_field_index(name)
    pq.write_table(found.set_column(place, pa.field(name, field.type), values), table)


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
        messages = [each.message for each in findings_of(root) if each.subject == RUN_KEY]
        assert messages == ["its contents do not match its run id: it was changed"]

    @pytest.mark.parametrize("changes", [{"scale": "x"}, {"scale": None}, {"target": 5}])
    def test_changed_to_something_without_sense(self, root: Path, changes: dict[str, Any]) -> None:
        content = json.loads((root / RUN_KEY).read_text())
        content["config"] |= changes
        (root / RUN_KEY).write_text(json.dumps(content))
        messages = [each.message for each in findings_of(root) if each.subject == RUN_KEY]
        assert "its configuration is not one of a run" in messages[-1]


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

    @pytest.mark.parametrize("name", ["image_id", "key", "shard", "status"])
    def test_with_a_null(self, root: Path, name: str) -> None:
        erase_first(root / plan_name(0), name)
        messages = [each.message for each in findings_of(root) if each.subject == plan_name(0)]
        assert messages == [f"its column {name} has nulls"]

    def test_of_a_run_whose_name_is_no_text(self, root: Path) -> None:
        table = pq.read_table(root / plan_name(0))
        labels = table.schema.metadata | {b"srfleet.run_id": b"\xff"}
        pq.write_table(table.replace_schema_metadata(labels), root / plan_name(0))
        assert "is not a plan of run" in the_only(findings_of(root)).message

    def test_of_another_run(self, root: Path) -> None:
        (root / plan_name(0)).write_bytes(plan_bytes("f" * 16, IMAGES))
        assert "is not a plan of run" in the_only(findings_of(root)).message

    def test_image_planned_twice(self, root: Path) -> None:
        (root / plan_name(0)).write_bytes(plan_bytes(RUN_ID, [*IMAGES, IMAGES[0]]))
        messages = {each.message for each in findings_of(root) if each.subject == FIRST_KEY}
        assert "plan.parquet lists it more than once" in messages

    def test_output_planned_for_two_images(self, root: Path) -> None:
        shared = replace(IMAGES[2], output_key=FIRST_OUTPUT)
        (root / plan_name(0)).write_bytes(plan_bytes(RUN_ID, [*IMAGES[:2], shared, IMAGES[3]]))
        messages = {each.subject: each.message for each in findings_of(root)}
        assert messages[FIRST_OUTPUT] == "it is planned as the output of two images"

    def test_shard_that_was_never_planned(self, root: Path) -> None:
        (root / plan_name(0)).write_bytes(plan_bytes(RUN_ID, IMAGES[:2]))
        messages = [each.message for each in findings_of(root) if each.subject == part_name(0, 1)]
        assert "plan.parquet has no shard 1" in messages

    def test_image_removed_from_plan_part_and_outputs(self, root: Path) -> None:
        (root / plan_name(0)).write_bytes(plan_bytes(RUN_ID, IMAGES[1:]))
        rewrite_part(root, lambda rows: rows[1:])
        (root / FIRST_OUTPUT).unlink()
        messages = [each.message for each in findings_of(root) if each.subject == plan_name(0)]
        assert "not that of run.json" in the_only_of(messages)

    def test_shards_that_are_not_numbered_in_order(self, root: Path) -> None:
        images = [replace(each, shard=2 * each.shard) for each in IMAGES]
        (root / plan_name(0)).write_bytes(plan_bytes(RUN_ID, images))
        messages = [each.message for each in findings_of(root)]
        assert "its shards are not numbered from 0 in the order of its rows" in messages

    def test_refused_image_with_an_output(self, root: Path) -> None:
        images = [IMAGES[0], replace(IMAGES[1], output_key="images/1.jpg"), *IMAGES[2:]]
        (root / plan_name(0)).write_bytes(plan_bytes(RUN_ID, images))
        messages = [each.message for each in findings_of(root)]
        assert "it is failed in plan.parquet, but has an output" in messages


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
        assert messages[FIRST_KEY] == f"it is planned, but {PART} has no row for it"

    def test_image_with_two_rows(self, root: Path) -> None:
        rewrite_part(root, lambda rows: [*rows, rows[0]])
        messages = {each.subject: each.message for each in findings_of(root)}
        assert messages[FIRST_KEY] == f"{PART} has more than one row for it"

    def test_image_that_was_not_planned(self, root: Path) -> None:
        stranger = ok_row(planned_images(9, per_shard=9)[8], b"", 0, "a")
        rewrite_part(root, lambda rows: [*rows, replace(stranger, status=Status.DUPLICATE)])
        messages = [each.message for each in findings_of(root) if each.subject == "album/8.jpg"]
        assert any("it is not planned in this shard" in each for each in messages)

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
            ({"status": "perfect"}, "its status is perfect"),
            ({"error_class": "laziness"}, "its error class is laziness"),
            ({"status": "duplicate", "error_class": "decode"}, "is duplicate with error class"),
            ({"status": "failed", "error_class": "decode"}, "it is failed but has output_sha256"),
            ({"source_sha256": None}, "it is ok but has no source_sha256"),
            ({"source_sha256": "0" * 63}, "its source_sha256 is no SHA-256: 000"),
            ({"source_uri": "s3://elsewhere/album/0.jpg"}, "its source_uri is s3://elsewhere"),
            ({"width_out_px": 81}, "81x40 px, which 20x10 px does not become with scale 4"),
            ({"width_in_px": 40}, "80x40 px, which 40x10 px does not become with scale 4"),
            ({"format_out": "png"}, "its output is png, planned jpeg"),
            ({"format_out": "png"}, "its output images/album/0.jpg is png"),
            ({"model": "srgan"}, "its model is srgan, but the run's is bicubic"),
            ({"model": None}, "it is ok and not adopted but has no model"),
            ({"engine": "torch", "precision": "half"}, "its engine is torch, but its model"),
            ({"precision": "half"}, "its engine is None, but its precision half"),
            ({"precision": "int4"}, "its precision is int4, but the run allows"),
            ({"self_ssim_y": 1.01}, "its self_ssim_y is 1.01"),
            ({"self_psnr_y_db": 29.0}, "it has one of self_psnr_y_db and"),
            ({"lr_psnr_db": -1.0}, "its lr_psnr_db is -1.0"),
            ({"sharpness_gain": inf}, "its sharpness_gain is inf"),
            ({"psnr_y_db": inf, "ssim_y": 0.5}, "its psnr_y_db is inf, but its ssim_y 0.5"),
            ({"lr_psnr_db": inf, "colour_drift_delta_e": 1.0}, "its lr_psnr_db is inf, but its"),
            ({"upscale_ms": -1.0}, "its upscale_ms is -1.0"),
            ({"orientation_in": 9}, "its orientation_in is 9"),
            ({"pages": 0}, "its pages is 0"),
            ({"same_pixels_as": "f" * 16}, "has no row with the source that it repeats"),
            ({"attempt": "another"}, "its rows are of several attempts"),
        ],
    )
    def test_that_does_not_fit_the_plan(
        self, root: Path, changes: dict[str, Any], message: str
    ) -> None:
        change_first(root, **changes)
        assert any(message in finding.message for finding in findings_of(root))

    def test_measured_although_the_run_does_not_measure(self, tmp_path: Path) -> None:
        run = record(config=CONFIG | {"measure": False})
        row = replace(ok_row(IMAGES[0], b"", 0, "a"), lr_psnr_db=40.0)
        rows = metrics_table([row]).add_column(0, "planned_key", pa.array([row.key]))
        rules = [each for each in rules_of(run) if "does not measure" in each.message]
        broken_rules = [each.message for each in rules if each.broken_by(rows)[0].as_py()]
        assert broken_rules == ["it has lr_psnr_db {lr_psnr_db}, but the run does not measure"]

    def test_of_a_run_whose_checkpoint_has_braces_in_its_name(self) -> None:
        run = record(config=CONFIG | {"model": "{mine}.safetensors"})
        (rule,) = (each for each in rules_of(run) if each.message.startswith("its model is"))
        message = rule.message.format(model="srgan")
        assert message == "its model is srgan, but the run's is {mine}.safetensors"

    def test_with_an_unknown_column(self, root: Path) -> None:
        table = pq.read_table(root / PART)
        column = pa.array(["a"] * len(table))
        (root / PART).write_bytes(to_parquet(table.append_column("approved", column)))
        finding = the_only(findings_of(root))
        assert finding.message == "it has a column approved, which no version wrote"

    def test_with_a_column_of_another_type(self, root: Path) -> None:
        table = pq.read_table(root / PART)
        place = table.schema.get_field_index("shard")
        table = table.set_column(place, "shard", table["shard"].cast("int32"))
        (root / PART).write_bytes(to_parquet(table))
        assert the_only(findings_of(root)).message == "its column shard is int32, not int64"

    @pytest.mark.parametrize("name", [each.name for each in METRICS_SCHEMA if not each.nullable])
    def test_with_a_null(self, root: Path, name: str) -> None:
        erase_first(root / PART, name)
        messages = [each.message for each in findings_of(root) if each.subject == PART]
        assert messages == [f"its column {name} has nulls"]

    def test_without_a_null_in_a_column_that_may_have_some(self, root: Path) -> None:
        table = pq.read_table(root / PART)
        fields = [each.with_nullable(True) for each in table.schema]
        schema = pa.schema(fields, table.schema.metadata)
        pq.write_table(table.cast(schema), root / PART)
        assert findings_of(root) == []

    def test_with_two_columns_of_one_name(self, root: Path) -> None:
        table = pq.read_table(root / PART)
        (root / PART).write_bytes(to_parquet(table.append_column("key", table["key"])))
        assert the_only(findings_of(root)).message == "it has two columns of one name"

    def test_without_a_column(self, root: Path) -> None:
        (root / PART).write_bytes(to_parquet(pq.read_table(root / PART).drop(["status"])))
        assert the_only(findings_of(root)).message == "it lacks the columns status"

    def test_without_the_columns_of_later_versions(self, root: Path) -> None:
        table = pq.read_table(root / PART).drop(sorted(LATER_COLUMNS))
        (root / PART).write_bytes(to_parquet(table))
        assert findings_of(root) == []

    def test_failed_without_an_error_class(self, root: Path) -> None:
        change_first(root, status=Status.FAILED)
        messages = [each.message for each in findings_of(root) if each.subject == FIRST_KEY]
        assert f"it is failed without an error class ({PART})" in messages

    def test_ok_with_an_error_class(self, root: Path) -> None:
        change_first(root, error_class="decode")
        messages = [each.message for each in findings_of(root) if each.subject == FIRST_KEY]
        assert f"it is ok with error class decode ({PART})" in messages


class TestOutput:
    def test_missing(self, root: Path) -> None:
        (root / FIRST_OUTPUT).unlink()
        finding = the_only(findings_of(root))
        assert finding == broken(
            Kind.MISSING_OUTPUT,
            FIRST_OUTPUT,
            f"the output of {FIRST_KEY} is missing",
            IMAGES[0].image.image_id,
        )

    def test_of_another_size(self, root: Path) -> None:
        with (root / FIRST_OUTPUT).open("ab") as file:
            file.write(b"!")
        assert "bytes, not" in the_only(findings_of(root)).message

    def test_with_one_bit_flipped(self, root: Path) -> None:
        data = bytearray((root / FIRST_OUTPUT).read_bytes())
        data[-1] ^= 1
        (root / FIRST_OUTPUT).write_bytes(data)
        assert the_only(findings_of(root)) == broken(
            Kind.DAMAGED_OUTPUT,
            FIRST_OUTPUT,
            "its bytes do not match their SHA-256",
            IMAGES[0].image.image_id,
        )

    def test_flipped_beyond_the_first_piece_that_is_read(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sr_core.archive.storage.blobs._HASHED_BYTES", 4)
        assert findings_of(root) == []
        self.test_with_one_bit_flipped(root)

    def test_key_that_leaves_the_root(self, root: Path) -> None:
        change_first(root, output_key="images/../../escaped.jpg")
        findings = [each for each in findings_of(root) if each.subject.startswith("images/..")]
        assert "'..'" in the_only(findings).message

    def test_that_no_plan_names(self, root: Path) -> None:
        (root / "images" / "holiday.jpg").write_bytes(b"")
        assert the_only(findings_of(root)) == broken(
            Kind.FOREIGN, "images/holiday.jpg", "it is in no plan"
        )

    def test_of_an_image_that_failed_afterwards_is_no_finding(self, tmp_path: Path) -> None:
        store = open_store(str(tmp_path))
        work(store, IMAGES, "a", sick={FIRST_KEY})
        store.put_if_absent(FIRST_OUTPUT, b"written just before the worker died")
        assert verify_run(store) == []

    def test_of_a_later_round_replaces_the_damaged_one(self, tmp_path: Path) -> None:
        store = open_store(str(tmp_path))
        work(store, IMAGES, "a")
        (tmp_path / FIRST_OUTPUT).write_bytes(b"damaged")
        again = replace(IMAGES[0], output_key="images/album/0.00000000.jpg")
        ledger = Ledger(store)
        ledger.put_plan(1, plan_bytes(RUN_ID, [again], 1))
        process_round(ledger, 1, "b")
        ledger.close_rounds(ledger.snapshot())
        assert verify_run(store) == []
        ids = pq.read_table(tmp_path / part_name(1, 0))
        (tmp_path / part_name(1, 0)).write_bytes(
            to_parquet(ids.set_column(0, "image_id", pa.array([1] * len(ids))))
        )
        messages = [each.message for each in findings_of(tmp_path)]
        assert "its column image_id is int64, not string" in messages


class TestSample:
    def check(self, root: Path, images: int, seed: int = 0) -> Verification:
        return verify(open_store(str(root)), sample=Sample(images, seed))

    def test_reads_as_many_outputs(self, root: Path) -> None:
        assert self.check(root, 2).outputs_read == 2
        assert self.check(root, 9).outputs_read == 3
        assert self.check(root, 0).outputs_read == 0

    def test_is_the_same_for_the_same_seed(self, root: Path) -> None:
        (root / FIRST_OUTPUT).write_bytes(b"x" * (root / FIRST_OUTPUT).stat().st_size)
        caught = [self.check(root, 1, seed).is_damaged for seed in range(20)]
        assert caught == [self.check(root, 1, seed).is_damaged for seed in range(20)]
        assert 0 < sum(caught) < 20

    def test_misses_neither_missing_outputs_nor_sizes(self, root: Path) -> None:
        (root / FIRST_OUTPUT).unlink()
        with (root / "images/album/2.jpg").open("ab") as file:
            file.write(b"!")
        kinds = [each.kind for each in self.check(root, 0).findings]
        assert kinds == [Kind.MISSING_OUTPUT, Kind.DAMAGED_OUTPUT]


class TestSources:
    def check(self, tmp_path: Path, root: Path) -> Verification:
        return verify(open_store(str(root)), source=open_store(str(tmp_path / "source")))

    @pytest.fixture
    def source(self, tmp_path: Path) -> Path:
        """Create sources with the hashes that the rows state."""
        folder = tmp_path / "source"
        (folder / "album").mkdir(parents=True)
        for each in IMAGES:
            (folder / each.image.key).write_text(each.image.key)
        return folder

    def test_that_are_as_they_were(self, tmp_path: Path, source: Path, root: Path) -> None:
        found = self.check(tmp_path, root)
        assert (found.findings, found.sources_read) == ((), 3)

    def test_that_changed_or_are_gone(self, tmp_path: Path, source: Path, root: Path) -> None:
        (source / FIRST_KEY).write_text("another")
        (source / "album/2.jpg").unlink()
        findings = self.check(tmp_path, root).findings
        assert [each.kind for each in findings] == [Kind.SOURCE, Kind.SOURCE]
        assert findings[0].message == "the source is not the one that was upscaled"


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
