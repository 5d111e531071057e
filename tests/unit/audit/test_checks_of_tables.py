"""Checks of plans and parts: each wrong column, image or value is a finding."""

from __future__ import annotations

import os
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sr_core.archive.ledger.layout import part_name, plan_name
from sr_core.archive.schemas import LATER_COLUMNS, METRICS_SCHEMA
from sr_core.archive.storage import open_store
from sr_core.archive.tables import metrics_table, to_parquet
from sr_core.audit.verify.rules import rules_of
from sr_core.records import Status
from tests.support.checked_run import (
    FIRST_KEY,
    FIRST_OUTPUT,
    IMAGES,
    PART,
    RUN_ID,
    change_first,
    damage_column_names,
    damage_pages,
    erase_first,
    findings_of,
    rewrite_part,
    the_only,
    the_only_of,
)
from tests.support.small_run import (
    CONFIG,
    ok_row,
    plan_bytes,
    planned_images,
    record,
    work,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Create a finished, intact run of two shards."""
    folder = tmp_path / "run"
    work(open_store(str(folder)), IMAGES, "a")
    return folder


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
