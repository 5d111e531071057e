"""Hostile keys in foreign tables and manifests: nothing outside source and root is touched."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from jobs.cli.upscale import drive
from jobs.upscale.manifest import make_manifest
from sr_core.archive.storage import open_store
from sr_core.audit.verify.checks import verify_run
from sr_core.config import RunConfig
from sr_core.errors import ConfigurationError
from tests.support.hostile import (
    COLOUR,
    GOOD,
    SIZE,
    claimed,
    hand_made,
    hostile_keys,
    job,
    lay_out,
    run_unharmed,
    surroundings,
)
from tests.support.whole_run import run_here


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create images that must not be read, at every place to which a hostile key could lead."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    canary = lay_out(tmp_path)
    monkeypatch.chdir(tmp_path / "outside")  # keys relative to the working folder lead here
    return canary


def check_rejected(rows: list[dict[str, Any]]) -> None:
    """Check that all rows but the good ones are missing or refused by key, without being read."""
    assert {row["key"] for row in rows if row["status"] == "ok"} == set(GOOD)
    for row in rows:
        if row["status"] == "failed":
            assert row["error_class"] in ("key_rejected", "not_found"), row
            assert row["source_sha256"] is None
            assert row["output_key"] is None


def write_csv(canary: Path, rows: list[tuple[str, str]]) -> Path:
    path = canary.parent / "photos" / "table.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(("key", "truth"))
        writer.writerows(rows)
    return path


def manifest_of(table: Path) -> Path:
    """Make a manifest of a table as `srfleet manifest` does."""
    sink = table.parent.parent / "m.parquet"
    make_manifest(str(table), sink, reference_column="truth")
    return sink


def test_a_table_reads_nothing_outside_its_root(canary: Path) -> None:
    hostile = hostile_keys(canary)
    table = write_csv(canary, [(key, "") for key in [*GOOD, *hostile]])
    rows = run_unharmed(canary, manifest_of(table))
    assert len(rows) == len(GOOD) + len(hostile)
    twice = {row["key"] for row in rows if row["status"] == "duplicate"}
    assert twice == {"/etc/passwd", "../canary.png", f"{canary}"}, "spelt in several ways"
    check_rejected(rows)


def test_a_manifest_that_no_scan_has_seen_reads_nothing_outside_its_root(canary: Path) -> None:
    hostile = hostile_keys(canary)
    path = hand_made(canary, [claimed(key) for key in [*GOOD, *hostile]])
    rows = run_unharmed(canary, path)
    assert sorted(row["key"] for row in rows) == sorted([*GOOD, *hostile])
    check_rejected(rows)


def test_references_of_a_table_are_rejected_alike(canary: Path) -> None:
    hostile = [key for key in hostile_keys(canary) if key]  # an empty key means no reference
    folder = canary.parent / "photos" / "copies"
    folder.mkdir()
    rows = []
    for number, reference in enumerate(hostile):
        small_copy(folder / f"{number:02d}.png")
        rows.append((f"copies/{number:02d}.png", reference))
    table = write_csv(canary, rows)
    found = run_unharmed(canary, manifest_of(table))
    check_references(found, len(hostile))


def test_references_of_a_manifest_that_no_scan_has_seen_are_not_read(canary: Path) -> None:
    hostile = hostile_keys(canary)
    folder = canary.parent / "photos" / "copies"
    folder.mkdir()
    rows = []
    for number, reference in enumerate(hostile):
        key = f"copies/{number:02d}.png"
        small_copy(canary.parent / "photos" / key)
        rows.append(claimed(key, width_px=12, height_px=8, reference_key=reference))
    found = run_unharmed(canary, hand_made(canary, rows))
    assert all(row["status"] == "ok" for row in found)
    check_references(found, len(hostile))
    assert all(row["warnings"][0].startswith("reference ") for row in found)


def small_copy(path: Path) -> None:
    """Write a source whose output has the canary's size, so that the two could be compared."""
    Image.new("RGB", (SIZE[0] // 4, SIZE[1] // 4), COLOUR).save(path)


def check_references(rows: list[dict[str, Any]], count: int) -> None:
    assert len(rows) == count
    for row in rows:
        assert row["psnr_y_db"] is None
        assert row["status"] == "ok" or row["error_class"] in ("key_rejected", "not_found"), row


def test_ids_of_a_manifest_cannot_lead_an_output_astray(canary: Path) -> None:
    folder = canary.parent / "photos"
    rows = []
    for number, evil in enumerate(("../../../owned", "/owned", "a/../../../owned", "\x00", "..")):
        for extension in ("jpg", "png"):  # both want one name, so that one output gets its id
            Image.new("RGB", SIZE, COLOUR).save(folder / f"{number}.{extension}")
            rows.append(claimed(f"{number}.{extension}", image_id=f"{evil}{extension}"))
    source = hand_made(canary, rows)
    before = surroundings(canary.parent)
    planned = job(canary, source)
    run_here(planned.model_copy(update={"run": RunConfig(model="nearest", format="png")}))
    assert surroundings(canary.parent) == before
    assert verify_run(open_store(planned.output)) == []


def test_a_manifest_that_lies_about_sizes_meets_the_limits_all_the_same(canary: Path) -> None:
    Image.new("RGB", (400, 400), COLOUR).save(canary.parent / "photos/large.png")
    rows = run_unharmed(canary, hand_made(canary, [claimed("good.png"), claimed("large.png")]))
    classes = {row["key"]: row["error_class"] for row in rows}
    assert classes == {"good.png": None, "large.png": "too_large"}


def test_names_of_files_do_not_command_the_terminal(
    canary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = canary.parent / "photos"
    planned = job(canary, source)
    run_here(planned)
    (source / "\x1b]0;owned\x07\x1b[31m.png").touch()
    drive(planned)
    said = capsys.readouterr().err
    assert "source: 1 new since the plan" in said
    assert not set(said) & {"\x1b", "\x07"}


MALFORMED = [
    ("key", pa.array([None], pa.string())),
    ("key", pa.array([b"caf\xe9.png"]).view(pa.string())),
    ("image_id", pa.array([None], pa.string())),
    ("status", pa.array(["done"])),
    ("error_class", pa.array(["boredom"])),
    ("size_bytes", pa.array(["many"])),
    ("error_class", pa.array(["decode"])),
    ("width_px", pa.array([-3], pa.int32())),
]


@pytest.mark.parametrize(("name", "column"), MALFORMED)
def test_a_manifest_that_is_none_is_a_mistake_in_the_command(
    canary: Path, name: str, column: pa.Array
) -> None:
    path = hand_made(canary, [claimed("good.png")])
    table = pq.read_table(path)
    index = table.schema.get_field_index(name)
    pq.write_table(table.set_column(index, name, column), path)
    with pytest.raises(ConfigurationError, match=r"m\.parquet"):
        run_here(job(canary, path))
    assert not (canary.parent / "out").exists()
