"""A model with networks for x2 and x4: each image goes through the one that suits its size."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from sr_core.archive.storage import open_store
from sr_core.audit.verify.checks import verify_run
from sr_core.config import ExecutionConfig, JobConfig, RunConfig
from sr_core.engine.prepare import open_run
from sr_core.errors import ConfigurationError
from sr_core.inference.upscaler import open_upscaler
from sr_core.models.catalogue import checkpoint_sha256, find_checkpoint
from tests.support.cards import add_card, only_x4
from tests.support.photograph import photograph
from tests.support.whole_run import plan_here, run_here

SIDES = {"small.png": 30, "large.png": 60}
MODEL = "srresnet"


@pytest.fixture(autouse=True)
def photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a picture of 30 px and one of 60; the shipped models have x4 only."""
    (tmp_path / "photos").mkdir()
    for name, side in SIDES.items():
        Image.fromarray(photograph(side, side, seed=side)).save(tmp_path / "photos" / name)
    only_x4(monkeypatch)


def job(folder: Path, **run: Any) -> JobConfig:
    return JobConfig(
        source=str(folder / "photos"),
        output=str(folder / "out"),
        run=RunConfig(**{"model": MODEL, "format": "png", "precision": "float32"} | run),
        execution=ExecutionConfig(shard_megapixels=1),
    )


def rows(folder: Path) -> dict[str, dict[str, Any]]:
    assert verify_run(open_store(str(folder / "out"))) == []
    return {row["key"]: row for row in pq.read_table(folder / "out/metrics").to_pylist()}


def scales(folder: Path) -> dict[str, int]:
    found = rows(folder)
    assert {row["model"] for row in found.values()} == {MODEL}
    assert {row["model_reason"] for row in found.values()} == {"named"}
    return {key: row["model_scale"] for key, row in found.items()}


def record(folder: Path) -> dict[str, Any]:
    content = json.loads((folder / "out/run.json").read_text())
    assert isinstance(content, dict)
    return content


def test_scale_2_uses_the_network_for_x2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = add_card(monkeypatch, tmp_path, MODEL, 2)
    run_here(job(tmp_path, scale=2))
    assert scales(tmp_path) == dict.fromkeys(SIDES, 2)
    assert record(tmp_path)["checkpoint_sha256"] == card.sha256
    source = np.asarray(Image.open(tmp_path / "photos/small.png"))
    expected = open_upscaler(card.file, precision="float32").upscale(source, 60, 60)
    assert np.array_equal(
        np.asarray(Image.open(tmp_path / "out/images/small.png")), expected.pixels
    )


def test_scale_2_without_a_network_for_x2_is_made_by_the_one_for_x4(tmp_path: Path) -> None:
    run_here(job(tmp_path, scale=2))
    assert scales(tmp_path) == dict.fromkeys(SIDES, 4)
    assert {row["width_out_px"] for row in rows(tmp_path).values()} == {60, 120}


def test_a_target_takes_the_network_for_each_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = add_card(monkeypatch, tmp_path, MODEL, 2)
    run_here(job(tmp_path, target=(150, 150)))  # x5 and x2.5
    assert scales(tmp_path) == {"small.png": 4, "large.png": 2}
    assert {row["width_out_px"] for row in rows(tmp_path).values()} == {150}
    assert record(tmp_path)["checkpoint_sha256"] is None
    assert record(tmp_path)["checkpoints"] == {
        f"{MODEL} x2": card.sha256,
        f"{MODEL} x4": checkpoint_sha256(MODEL, 4),
    }


@pytest.mark.parametrize("size", [{"scale": 2}, {"target": (100, 100)}])
def test_a_run_begun_before_its_model_had_x2_keeps_its_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: dict[str, Any]
) -> None:
    begun = plan_here(job(tmp_path, **size))
    assert begun.record.checkpoint_sha256 == checkpoint_sha256(MODEL)
    add_card(monkeypatch, tmp_path, MODEL, 2)
    resumed = plan_here(job(tmp_path, **size))
    assert resumed.record == begun.record
    assert resumed.checkpoints == begun.checkpoints
    run_here(job(tmp_path, **size))
    assert scales(tmp_path) == dict.fromkeys(SIDES, 4)


@pytest.mark.parametrize(("key", "scale"), [("small.png", 4), ("large.png", 2)])
def test_an_image_is_compared_with_itself_by_the_network_that_made_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, scale: int
) -> None:
    add_card(monkeypatch, tmp_path, MODEL, 2)
    run_here(job(tmp_path, target=(150, 150)))
    together = rows(tmp_path)[key]
    alone = job(tmp_path, target=(150, 150), model=str(find_checkpoint(MODEL, scale)))
    shutil.rmtree(tmp_path / "out")
    run_here(alone)
    assert rows(tmp_path)[key]["self_psnr_y_db"] == together["self_psnr_y_db"]


def test_every_checkpoint_of_a_run_decides_its_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = set()
    for model, scale in ((MODEL, 2), (MODEL, 2), (MODEL, 4)):
        add_card(monkeypatch, tmp_path, model, scale, seed=len(ids))
        ids.add(open_run(job(tmp_path, target=(100, 100)))[0].record.run_id)
    assert len(ids) == 3


def test_other_weights_for_one_scale_are_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_card(monkeypatch, tmp_path, MODEL, 2)
    plan_here(job(tmp_path, target=(100, 100)))
    add_card(monkeypatch, tmp_path, MODEL, 2, seed=1)
    with pytest.raises(ConfigurationError, match=f"{MODEL} x2 sha256: "):
        plan_here(job(tmp_path, target=(100, 100)))


def test_a_checkpoint_of_ones_own_decides_the_scale_unless_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = add_card(monkeypatch, tmp_path, MODEL, 2).file
    for given, scale in (({}, 2), ({"scale": 4}, 4)):
        run, _ = open_run(job(tmp_path, model=path, **given))
        assert run.job.run.scale == run.record.config["scale"] == scale
    plan_here(job(tmp_path, model=path, scale=4))  # as earlier versions began it
    assert plan_here(job(tmp_path, model=path)).job.run.scale == 4
