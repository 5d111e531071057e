"""The root hash of a run covers its objects and its rounds, and can be made by sha256sum."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sr_core.archive.ledger.layout import part_name, plan_name, success_name
from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.storage import open_store
from tests.support.small_run import begin, plan_retry, planned_images, process_round, work

IMAGES = planned_images(5, per_shard=2, refused={1})
SICK = {"album/2.jpg"}


def closing_record(root: Path, round_index: int = 0) -> dict[str, Any]:
    return json.loads((root / success_name(round_index)).read_text())


def by_sha256sum(root: Path, pattern: str) -> str:
    """Hash objects as docs/run-layout.md says."""
    command = f"LC_ALL=C sha256sum {pattern} | sha256sum"
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=root, capture_output=True, text=True, check=True
    )
    return done.stdout.split()[0]


def add_round(root: Path) -> None:
    """Process the failed images again, in a further round."""
    ledger = begin(open_store(str(root)), IMAGES)
    process_round(ledger, plan_retry(ledger), "b")
    ledger.close_rounds(ledger.snapshot())


def root_hash(root: Path) -> str | None:
    ledger = Ledger(open_store(str(root)))
    return ledger.root_hash(ledger.snapshot())


def test_sha256sum_makes_the_root_hash_of_the_first_round(tmp_path: Path) -> None:
    work(open_store(str(tmp_path)), IMAGES, "a")
    record = closing_record(tmp_path)
    assert record["root_hash"] == by_sha256sum(
        tmp_path, "metrics/shard-*.parquet plan.parquet run.json"
    )
    assert record["root_hash"] == root_hash(tmp_path)
    assert list(record["digests"]) == [
        *(part_name(0, shard) for shard in range(3)),
        plan_name(0),
        "run.json",
    ]


def test_sha256sum_makes_the_root_hash_of_a_further_round(tmp_path: Path) -> None:
    work(open_store(str(tmp_path)), IMAGES, "a", sick=SICK)
    first = root_hash(tmp_path)
    add_round(tmp_path)
    assert root_hash(tmp_path) != first
    assert root_hash(tmp_path) == by_sha256sum(
        tmp_path, "_SUCCESS.json metrics/round-1-*.parquet plan-round-1.parquet run.json"
    )


@pytest.mark.parametrize("key", [success_name(0), part_name(1, 0), plan_name(1), "run.json"])
def test_a_further_round_covers_its_objects_and_the_record_before_it(
    tmp_path: Path, key: str
) -> None:
    work(open_store(str(tmp_path)), IMAGES, "a", sick=SICK)
    add_round(tmp_path)
    assert key in closing_record(tmp_path, 1)["digests"]


def test_closing_again_gives_the_same_root_hash(tmp_path: Path) -> None:
    work(open_store(str(tmp_path)), IMAGES, "a")
    first = root_hash(tmp_path)
    (tmp_path / success_name(0)).unlink()
    ledger = Ledger(open_store(str(tmp_path)))
    ledger.close_rounds(ledger.snapshot())
    assert root_hash(tmp_path) == first


def test_a_round_closed_before_there_were_digests_is_covered_by_the_next_one(
    tmp_path: Path,
) -> None:
    work(open_store(str(tmp_path)), IMAGES, "a", sick=SICK)
    record = closing_record(tmp_path)
    del record["root_hash"], record["digests"]
    (tmp_path / success_name(0)).write_text(json.dumps(record))
    assert root_hash(tmp_path) is None
    add_round(tmp_path)
    digests = closing_record(tmp_path, 1)["digests"]
    assert {success_name(0), plan_name(0), part_name(0, 0), part_name(1, 0)} <= digests.keys()


def test_a_run_that_is_not_closed_has_no_root_hash(tmp_path: Path) -> None:
    begin(open_store(str(tmp_path)), IMAGES)
    assert root_hash(tmp_path) is None
