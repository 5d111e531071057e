"""`--model auto`: each image of a run gets a model by the evidence in it."""

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
from sr_core.audit.report.report import render_report
from sr_core.audit.verify.checks import verify_run
from sr_core.config import ExecutionConfig, JobConfig, RunConfig
from sr_core.engine.files import FileUpscaler
from sr_core.engine.prepare import open_run
from sr_core.errors import ConfigurationError
from sr_core.inference.upscaler import open_upscaler
from sr_core.models.catalogue import AUTO, CLEAN, PHOTO, checkpoint_sha256
from tests.support.cards import add_card, only_x4
from tests.support.photograph import photograph
from tests.support.whole_run import plan_here, run_here

CHECKPOINTS = {f"{PHOTO} x4", f"{CLEAN} x4"}


@pytest.fixture(autouse=True)
def small_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let both models have small networks, for x4 alone."""
    only_x4(monkeypatch)
    for seed, model in enumerate((PHOTO, CLEAN)):
        add_card(monkeypatch, tmp_path, model, 4, seed)


def job(folder: Path, **run: Any) -> JobConfig:
    return JobConfig(
        source=str(folder / "photos"),
        output=str(folder / "out"),
        run=RunConfig(**{"precision": "float32", "format": "png"} | run),
        execution=ExecutionConfig(shard_megapixels=1),
    )


def sharp(side: int = 200, seed: int = 0) -> Image.Image:
    """Return a picture with hard edges, and neither noise nor compression."""
    pixels = photograph(side, side, seed=seed).astype(int)
    pixels[:, side // 4 : side // 2] //= 2
    pixels[side // 3 : side // 2] //= 2
    return Image.fromarray(np.clip(pixels + 20, 0, 255).astype(np.uint8))


def write_mixed(folder: Path) -> dict[str, tuple[str, str]]:
    """Write pictures of every kind; return the expected model and reason of each."""
    folder.mkdir()
    picture = sharp()
    picture.save(folder / "clean.png")
    picture.save(folder / "camera.jpg", quality=95, subsampling=0)
    picture.save(folder / "web.jpg", quality=50)
    Image.open(folder / "web.jpg").save(folder / "saved again.png")
    noise = np.random.default_rng(1).normal(0, 10, (200, 200, 3))
    scan = np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8)
    Image.fromarray(scan).save(folder / "scan.tif")
    Image.fromarray(photograph(200, 200)).save(folder / "soft.png")
    picture.convert("L").save(folder / "grey.png")
    picture.putalpha(200)
    picture.save(folder / "alpha.png")
    Image.new("RGB", (1, 1), "red").save(folder / "pixel.png")
    nothing = (CLEAN, "no compression, noise or blur found")
    return {
        "clean.png": nothing,
        "camera.jpg": nothing,
        "web.jpg": (PHOTO, "JPEG quality 50 4:2:0, blocks"),
        "saved again.png": (PHOTO, "blocks"),
        "scan.tif": (PHOTO, "noise of 7 levels"),
        "soft.png": (PHOTO, "soft edges"),
        "grey.png": nothing,
        "alpha.png": nothing,
        "pixel.png": nothing,
    }


def rows(folder: Path) -> dict[str, dict[str, Any]]:
    assert verify_run(open_store(str(folder / "out"))) == []
    return {row["key"]: row for row in pq.read_table(folder / "out/metrics").to_pylist()}


def record(folder: Path) -> dict[str, Any]:
    content = json.loads((folder / "out/run.json").read_text())
    assert isinstance(content, dict)
    return content


def test_each_image_of_a_mixed_folder_gets_its_model_and_the_reason(tmp_path: Path) -> None:
    expected = write_mixed(tmp_path / "photos")
    run_here(job(tmp_path))
    found = rows(tmp_path)
    assert {key: (row["model"], row["model_reason"]) for key, row in found.items()} == expected
    assert {row["model_scale"] for row in found.values()} == {4}
    content = record(tmp_path)
    assert content["config"]["model"] == AUTO
    assert content["checkpoint_sha256"] is None
    assert content["checkpoints"] == {
        f"{model} x4": checkpoint_sha256(model) for model in (PHOTO, CLEAN)
    }
    assert content["model_rule"] == "1"
    page = render_report(open_store(str(tmp_path / "out")), source=None).decode()
    assert "SRGAN-photo or SRGAN" in page
    assert "By SRGAN-photo" in page
    assert "JPEG quality 50 4:2:0, blocks" in page


def test_an_image_is_made_and_compared_with_itself_by_its_model(tmp_path: Path) -> None:
    expected = write_mixed(tmp_path / "photos")
    run_here(job(tmp_path, mark=False))  # it would name the run, and there are three
    together = rows(tmp_path)
    for model in (PHOTO, CLEAN):
        named = job(tmp_path, model=model, mark=False).model_copy(
            update={"output": str(tmp_path / model)}
        )
        run_here(named)
        alone = pq.read_table(tmp_path / model / "metrics").to_pylist()
        assert {(row["model"], row["model_reason"]) for row in alone} == {(model, "named")}
        for row in alone:
            if expected[row["key"]][0] == model:
                for column in ("output_sha256", "self_psnr_y_db", "lr_psnr_db"):
                    assert row[column] == together[row["key"]][column], (row["key"], column)


def test_a_stopped_run_chooses_the_same_and_adopts_what_exists(tmp_path: Path) -> None:
    write_mixed(tmp_path / "photos")
    run_here(job(tmp_path))
    before = rows(tmp_path)
    shutil.rmtree(tmp_path / "out/metrics")
    (tmp_path / "out/_SUCCESS.json").unlink()
    gone = before["web.jpg"]["output_key"]
    (tmp_path / "out" / gone).unlink()
    run_here(job(tmp_path), "second attempt")
    after = rows(tmp_path)
    for key, row in after.items():
        assert row["output_sha256"] == before[key]["output_sha256"]
        assert row["self_psnr_y_db"] == before[key]["self_psnr_y_db"]
        assert row["model"] == (PHOTO if key == "web.jpg" else None)


def test_a_named_model_is_obeyed(tmp_path: Path) -> None:
    write_mixed(tmp_path / "photos")
    run_here(job(tmp_path, model="bicubic"))
    found = rows(tmp_path).values()
    named = {(row["model"], row["model_scale"], row["model_reason"]) for row in found}
    assert named == {("bicubic", None, "named")}


def test_the_first_page_decides_for_all(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    pages = [sharp(), Image.fromarray(photograph(200, 200))]
    pages[0].save(tmp_path / "photos/pages.tif", save_all=True, append_images=pages[1:])
    run_here(job(tmp_path, format="source"))
    assert rows(tmp_path)["pages.tif"]["model"] == CLEAN


@pytest.mark.parametrize("model", [PHOTO, CLEAN])
def test_the_weights_of_either_model_decide_the_run_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    write_mixed(tmp_path / "photos")
    before = plan_here(job(tmp_path))
    add_card(monkeypatch, tmp_path, model, 4, seed=9)
    with pytest.raises(ConfigurationError, match=f"{model} x4 sha256: "):
        open_run(job(tmp_path))
    elsewhere = job(tmp_path).model_copy(update={"output": str(tmp_path / "other")})
    assert open_run(elsewhere)[0].record.run_id != before.record.run_id


def test_the_version_of_the_rule_decides_the_run_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_mixed(tmp_path / "photos")
    plan_here(job(tmp_path))
    monkeypatch.setattr("sr_core.engine.prepare.RULE_VERSION", "2")
    with pytest.raises(ConfigurationError, match="model rule: 1 -> 2"):
        open_run(job(tmp_path))


def test_a_run_of_the_former_default_is_resumed_unless_another_model_is_named(
    tmp_path: Path,
) -> None:
    write_mixed(tmp_path / "photos")
    begun = plan_here(job(tmp_path, model="srgan"))
    assert plan_here(job(tmp_path)).record == begun.record
    with pytest.raises(ConfigurationError, match='model: "srgan" -> "auto"'):
        plan_here(job(tmp_path, model=AUTO))
    run_here(job(tmp_path))
    assert {row["model"] for row in rows(tmp_path).values()} == {"srgan"}


def test_a_run_of_another_model_is_not_resumed_by_the_default(tmp_path: Path) -> None:
    write_mixed(tmp_path / "photos")
    plan_here(job(tmp_path, model="bicubic"))
    with pytest.raises(ConfigurationError, match='model: "bicubic" -> "auto"'):
        plan_here(job(tmp_path))


def test_a_file_gets_the_same_model_as_in_a_run(tmp_path: Path) -> None:
    write_mixed(tmp_path / "photos")
    run_here(job(tmp_path, mark=False))
    upscaler = FileUpscaler(RunConfig(precision="float32", format="png", mark=False))
    for key in ("web.jpg", "clean.png"):
        made = upscaler.upscale((tmp_path / "photos" / key).read_bytes())
        assert made.data == (tmp_path / "out" / rows(tmp_path)[key]["output_key"]).read_bytes()


def test_pixels_alone_get_a_model_by_what_they_show() -> None:
    upscaler = open_upscaler(AUTO, precision="float32", engine="torch")
    clean = np.asarray(sharp())
    soft = photograph(200, 200)
    assert upscaler.upscale(clean, 800, 800).made_by.model == CLEAN
    assert upscaler.upscale(soft, 800, 800).made_by.model == PHOTO
