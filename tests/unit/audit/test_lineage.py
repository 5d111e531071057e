"""srfleet explain: an image's rounds, its weights, and the digests up to the root hash."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sr_core.archive.ledger.layout import part_name
from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.storage import open_store
from sr_core.archive.tables import to_parquet
from sr_core.audit.lineage import Lineage, trace
from sr_core.errors import ConfigurationError
from tests.support.commands import exit_code_here, srfleet_here
from tests.support.small_run import begin, plan_retry, planned_images, process_round, work

IMAGES = planned_images(5, per_shard=2, refused={1})
KEY = "album/2.jpg"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Create a run of two rounds: an image fails in the first one."""
    store = open_store(str(tmp_path))
    work(store, IMAGES, "a", sick={KEY})
    ledger = begin(store, IMAGES)
    process_round(ledger, plan_retry(ledger), "b")
    ledger.close_rounds(ledger.snapshot())
    return tmp_path


def lineage(root: Path, image: str = KEY) -> Lineage:
    return trace(open_store(str(root)), image)


def test_every_round_of_an_image_is_shown(root: Path) -> None:
    found = lineage(root)
    statuses = [(step.round_index, step.row and step.row.status) for step in found.steps]
    assert statuses == [(0, "failed"), (1, "ok")]
    assert [step.row and step.row.attempt for step in found.steps] == ["a", "b"]


@pytest.mark.parametrize("image", [KEY, IMAGES[2].image.image_id, "images/album/2.jpg"])
def test_an_image_is_found_by_key_id_and_output(root: Path, image: str) -> None:
    assert lineage(root, image).key == KEY


def test_an_unknown_image_is_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigurationError, match=r"has no image 'album/9\.jpg'"):
        lineage(root, "album/9.jpg")
    assert exit_code_here("explain", str(root), "album/9.jpg") == 2


def test_the_digests_lead_to_the_root_hash_of_the_run(root: Path) -> None:
    found = lineage(root)
    ledger = Ledger(open_store(str(root)))
    assert found.root_hash == ledger.root_hash(ledger.snapshot())
    assert [step.is_covered for step in found.steps] == [True, True]
    part = root / part_name(0, 1)
    part.write_bytes(to_parquet(pq.read_table(part), {"edited": "yes"}))
    assert [step.is_covered for step in lineage(root).steps] == [False, True]


def test_weights_are_named_with_hash_and_licence(root: Path) -> None:
    (weights,) = lineage(root).steps[1].weights
    assert (weights.model, weights.sha256, weights.licence) == ("bicubic", None, None)


def test_the_command_prints_lines_or_json(root: Path) -> None:
    said = srfleet_here("explain", str(root), KEY).stdout
    for words in ("round 0, shard 1: failed (network", "round 1, shard 0: ok", "model bicubic"):
        assert words in said
    answer = json.loads(srfleet_here("explain", str(root), KEY, "--json").stdout)
    assert answer["schema"] == "srfleet.explain/1"
    assert [each["status"] for each in answer["rounds"]] == ["failed", "ok"]
    assert answer["rounds"][1]["models"] == ["bicubic"]
