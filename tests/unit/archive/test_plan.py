"""Plans: every row in one shard, totals, and reading back a single shard."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sr_core.archive.planning import plan_file
from sr_core.archive.planning.plan import keys_of_others
from sr_core.archive.planning.plan_file import plan_bytes, read_shard
from sr_core.archive.schemas import PLAN_SCHEMA
from sr_core.archive.source.manifest import image_id
from sr_core.archive.storage import Store, open_store
from sr_core.archive.tables import manifest_table, plan_rows
from sr_core.config import RunConfig
from sr_core.errors import ConfigurationError, ErrorClass, SrfleetError
from sr_core.records import ManifestRow, Status
from tests.support.manifest_rows import image_row, plan_of, planned


def test_the_largest_images_come_first_and_shards_keep_their_bounds() -> None:
    sides = [10, 50, 20, 40, 30, 10, 10]
    rows = [image_row(f"{number}", side, side) for number, side in enumerate(sides)]
    plan = plan_of(rows, megapixels=0.04, images=3)  # the output of 50 x 50 px is 0.04 MP
    shards: dict[int, list[str]] = {}
    for image in plan_rows(plan.table):
        shards.setdefault(image.shard, []).append(image.image.key)
    assert shards == {0: ["1"], 1: ["3", "4"], 2: ["2", "0", "5"], 3: ["6"]}
    assert plan.shards == plan.summary.shards == 4


def test_an_image_over_the_bound_has_a_shard_of_its_own() -> None:
    rows = [image_row("small", 5, 5), image_row("huge", 900, 900), image_row("other", 5, 5)]
    images = planned(plan_of(rows, megapixels=0.01))
    assert images["huge"].shard == 0
    assert images["small"].shard == images["other"].shard == 1


@pytest.mark.parametrize(
    ("run", "megapixels"),
    [
        (RunConfig(target=(10, 10), model="bicubic"), 1),
        (RunConfig(scale=2, model="nearest"), 4),
        (RunConfig(scale=2), 16),
        (RunConfig(target=(10, 10)), 16),
        (RunConfig(target=(10, 10), model="my.safetensors"), 16),
        (RunConfig(target=(5000, 5000)), 25),
    ],
)
def test_an_image_counts_with_the_most_pixels_of_source_network_and_output(
    run: RunConfig, megapixels: int
) -> None:
    probed = [image_row(str(number), 1000, 1000) for number in range(4)]
    hinted = [replace(row, format=None, pages=None) for row in probed]
    for rows in (probed, hinted):
        assert plan_of(rows, run, megapixels=2 * megapixels).shards == 2
        assert plan_of(rows, run, megapixels=2 * megapixels - 0.1).shards == 4


def test_what_the_model_makes_decides_the_time_whatever_size_is_wanted() -> None:
    rows = [image_row("a.tif", 1000, 500, "TIFF", pages=2)]
    sizes = [
        (RunConfig(scale=2), 16, 4),
        (RunConfig(target=(500, 500)), 16, 0.25),
        (RunConfig(scale=2, model="bicubic"), 4, 4),
    ]
    for run, native, output in sizes:
        summary = plan_of(rows, run).summary
        assert (summary.native_megapixels, summary.output_megapixels) == (native, output)


def test_pages_count() -> None:
    rows = [image_row("one", 100, 100), image_row("many", 60, 60, "TIFF", pages=9)]
    assert list(planned(plan_of(rows))) == ["many", "one"]


def test_images_of_unknown_size_count_with_their_hints_or_bytes() -> None:
    rows = [
        ManifestRow(image_id("bytes.jpg"), "bytes.jpg", size_bytes=10**7),
        ManifestRow(image_id("hint.jpg"), "hint.jpg", 10, width_px=8000, height_px=8000),
        ManifestRow(image_id("nothing.jpg"), "nothing.jpg"),
        image_row("known.jpg", 100, 100),
    ]
    assert list(planned(plan_of(rows))) == ["hint.jpg", "bytes.jpg", "nothing.jpg", "known.jpg"]


def test_refused_rows_keep_their_place_in_the_run_and_come_last() -> None:
    rows = [
        replace(
            image_row("a"), status=Status.FAILED, error_class=ErrorClass.DECODE, error_message="m"
        ),
        replace(image_row("b"), status=Status.DUPLICATE, error_class=ErrorClass.DUPLICATE_KEY),
        image_row("c"),
    ]
    plan = plan_of(rows, images=2)
    images = planned(plan)
    assert [images[key].shard for key in "cab"] == [0, 0, 1]
    assert images["a"].image == rows[0]
    assert images["a"].output_key is None
    assert (plan.summary.failed, plan.summary.duplicates) == ({ErrorClass.DECODE: 1}, 1)


def test_an_empty_manifest_makes_an_empty_plan() -> None:
    plan = plan_of([])
    assert (len(plan.table), plan.shards, plan.summary.rows) == (0, 0, 0)
    assert pq.read_table(io.BytesIO(plan_bytes(plan, "0" * 16))).num_rows == 0


def test_two_rows_of_one_image_id_are_refused_by_name() -> None:
    rows = [image_row("a"), replace(image_row("b"), image_id=image_id("a")), image_row("c")]
    with pytest.raises(ConfigurationError, match=r"\['a', 'b'\]"):
        plan_of(rows)


def test_the_order_of_the_manifest_changes_nothing() -> None:
    rows = [image_row(key, 10 * len(key), 10) for key in ("b", "a", "ccc", "A", "dd")]
    assert plan_of(rows).table.equals(plan_of(sorted(rows, key=lambda row: row.key)).table)


def test_the_summary_adds_up_what_can_be_done() -> None:
    rows = [
        image_row("a.jpg", 1000, 500),
        image_row("b.png", 100, 100, "PNG"),
        image_row("c.tif", 100, 100, "TIFF", pages=2),
        ManifestRow(image_id("d.jpg"), "d.jpg"),
        replace(image_row("e.jpg"), status=Status.FAILED, error_class=ErrorClass.ANIMATED),
    ]
    summary = plan_of(rows).summary
    assert (summary.rows, summary.images, summary.unprobed) == (5, 4, 1)
    assert summary.source_megapixels == pytest.approx(0.53)
    assert summary.output_megapixels == pytest.approx(0.53 * 16)
    assert set(summary.output_bytes) == {"jpeg", "png", "tiff"}
    assert summary.output_bytes["png"] > 0
    assert summary.failed == {ErrorClass.ANIMATED: 1}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path))


def test_a_shard_is_read_back_as_it_was_planned(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_file, "ROW_GROUP_ROWS", 10)
    rows = [image_row(f"{number:03d}.jpg", 10 + number % 7, 10) for number in range(45)]
    plan = plan_of(rows, images=4)
    data = plan_bytes(plan, "feedbeeffeedbeef")
    store.put_if_absent("plan.parquet", data)
    assert [image for n in range(plan.shards) for image in read_shard(store, 0, n)] == plan_rows(
        plan.table
    )
    file = pq.ParquetFile(io.BytesIO(data))
    groups = [
        set(file.read_row_group(n, ["shard"])["shard"].to_pylist())
        for n in range(file.num_row_groups)
    ]
    assert sorted(shard for group in groups for shard in group) == list(range(plan.shards))
    assert len(groups) == 4
    assert file.schema_arrow.equals(PLAN_SCHEMA)
    assert file.metadata.metadata[b"srfleet.run_id"] == b"feedbeeffeedbeef"
    assert file.metadata.metadata[b"srfleet.round"] == b"0"


def test_a_shard_that_is_not_planned_is_an_error(store: Store) -> None:
    store.put_if_absent("plan.parquet", plan_bytes(plan_of([image_row("a")]), "0" * 16))
    with pytest.raises(SrfleetError, match="no shard 1"):
        read_shard(store, 0, 1)


def test_the_file_is_the_same_every_time() -> None:
    rows = [image_row(f"{number}.jpg") for number in range(20)]
    assert plan_bytes(plan_of(rows), "0" * 16) == plan_bytes(plan_of(rows), "0" * 16)


@pytest.mark.parametrize(
    ("change", "keeps"),
    [
        ({}, True),
        ({"etag": "v2"}, False),
        ({"size_bytes": 1001}, False),
        ({"etag": None}, False),
    ],
    ids=["same version", "other etag", "other size", "unknown version"],
)
def test_an_image_tried_again_keeps_its_output_name_only_for_the_same_version(
    change: dict[str, Any], keeps: bool
) -> None:
    first = image_row("a.jpg", etag="v1")
    again = replace(first, **change)
    taken = keys_of_others([plan_of([first]).table], manifest_table([again]))
    (image,) = planned(plan_of([again], taken=taken)).values()
    assert image.output_key == ("images/a.jpg" if keeps else f"images/a.{again.image_id[:8]}.jpg")


def test_every_version_of_an_image_has_an_output_name_of_its_own() -> None:
    plans: list[pa.Table] = []
    for etag in ("v1", "v2", "v3", "v2", "v1"):
        row = image_row("a.jpg", etag=etag)
        taken = keys_of_others(plans, manifest_table([row]))
        plans.append(plan_of([row], taken=taken).table)
    names = [plan["output_key"][0].as_py() for plan in plans]
    assert len(set(names)) == 3
    assert names[3:] == [names[1], names[0]]


def test_a_plan_has_the_schema_of_plans() -> None:
    assert plan_of([image_row("a")]).table.schema.equals(PLAN_SCHEMA)
