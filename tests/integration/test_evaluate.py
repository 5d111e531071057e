"""srfleet evaluate, as its user sees it: scores, pictures, and one line per error."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from jobs.models.evaluate import run_evaluation
from jobs.terminal import Terminal
from sr_core.errors import ConfigurationError
from sr_core.evaluation.scores import score
from sr_core.evaluation.tables import ScoresRow
from sr_core.imaging.resample import resize_pixels
from sr_core.models.catalogue import AUTO_MODELS, checkpoint_sha256, shipped_models
from sr_core.models.checkpoint import save_generator
from sr_core.models.generator import Generator
from tests.support.cards import add_card
from tests.support.photograph import photograph

ROOT = Path(__file__).parents[2]


@pytest.fixture
def benchmark(tmp_path: Path) -> Path:
    """Create two HR images with sides that are not multiples of four, one grey; no LR."""
    folder = tmp_path / "mine"
    folder.mkdir()
    Image.fromarray(photograph(65, 82, seed=1)).save(folder / "a.png")
    Image.fromarray(photograph(91, 70, channels=1, seed=2)[..., 0]).save(folder / "b.png")
    return folder


@pytest.fixture
def terminal() -> Terminal:
    return Terminal(io.StringIO())


def evaluate(
    folders: list[Path], models: list[str], output: Path, terminal: Terminal, **options: object
) -> list[ScoresRow]:
    options = {"lpips_file": None, "scale": 4, "device": "cpu"} | options
    run_evaluation(folders, models, output, terminal, **options)
    table = pq.read_table(output / "scores.parquet")
    return [ScoresRow(**row) for row in table.to_pylist()]


def small_checkpoint(path: Path, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    path.parent.mkdir(exist_ok=True)
    save_generator(path, Generator(4, channels=4, blocks=1), {}, torch.float32)
    return path


def test_the_command_writes_rows_a_table_and_pictures(benchmark: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run = subprocess.run(
        [sys.executable, "-m", "jobs", "evaluate", "mine", "--model", "nearest", "-o", str(out)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "SRFLEET_SHARED": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert {path.name for path in out.iterdir()} == {"scores.parquet", "scores.md", "mine.png"}
    rows = [ScoresRow(**row) for row in pq.read_table(out / "scores.parquet").to_pylist()]
    assert [(row.image, row.model) for row in rows] == [
        ("a.png", "bicubic"),
        ("a.png", "nearest"),
        ("b.png", "bicubic"),
        ("b.png", "nearest"),
    ]
    assert {(row.width_px, row.height_px) for row in rows} == {(80, 64), (68, 88)}
    assert {(row.benchmark, row.lr_source, row.scale) for row in rows} == {("mine", "bicubic", 4)}
    assert all(row.upscale_ms > 0 for row in rows)
    bicubic, nearest = rows[:2]
    assert 20 < nearest.psnr_y_db < bicubic.psnr_y_db < 60
    assert f"{(rows[0].psnr_y_db + rows[2].psnr_y_db) / 2:.2f}" in run.stdout
    assert f"| {(rows[1].ssim_y + rows[3].ssim_y) / 2:.4f} |" in (out / "scores.md").read_text()
    # LPIPS is never omitted silently.
    assert {row.lpips_alex for row in rows} == {None}
    assert f"no weights at {tmp_path}/weights/lpips_alex_v0.1.safetensors; --lpips" in run.stderr


def test_the_scores_are_those_of_what_the_upscaler_gives(
    benchmark: Path, tmp_path: Path, terminal: Terminal
) -> None:
    (benchmark / "b.png").unlink()
    (row,) = evaluate([benchmark], ["bicubic"], tmp_path / "out", terminal, scale=3)
    hr = np.asarray(Image.open(benchmark / "a.png"))[:63, :81]
    sr = resize_pixels(resize_pixels(hr, 21, 27, "bicubic"), 63, 81, "bicubic")
    assert row.psnr_y_db == pytest.approx(score(sr, hr, 3, None).psnr_y_db, abs=0.01)


def test_all_shipped_models_are_the_default(
    benchmark: Path, tmp_path: Path, terminal: Terminal
) -> None:
    rows = evaluate([benchmark], [], tmp_path / "out", terminal)
    models = {row.model: row.checkpoint_sha256 for row in rows}
    assert models == {"bicubic": None} | {
        name: checkpoint_sha256(name) for name in shipped_models()
    }


def test_auto_is_scored_with_the_checkpoint_that_it_chose(
    benchmark: Path, tmp_path: Path, terminal: Terminal
) -> None:
    rows = evaluate([benchmark], ["auto"], tmp_path / "out", terminal)
    assert {row.model for row in rows} == {"bicubic", "auto"}
    chosen = [row for row in rows if row.model == "auto"]
    assert len(chosen) == 2
    assert {row.made_by for row in chosen} <= set(AUTO_MODELS)
    assert all(row.checkpoint_sha256 == checkpoint_sha256(row.made_by) for row in chosen)
    assert "Models chosen:" in (tmp_path / "out" / "scores.md").read_text()


def test_a_scale_takes_the_network_for_it(
    benchmark: Path, tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = add_card(monkeypatch, tmp_path, "srresnet", 2)
    for scale, expected in ((2, card.sha256), (4, checkpoint_sha256("srresnet", 4))):
        rows = evaluate([benchmark], ["srresnet"], tmp_path / f"x{scale}", terminal, scale=scale)
        assert {row.checkpoint_sha256 for row in rows} == {None, expected}


def test_checkpoints_of_the_same_name_are_told_apart(
    benchmark: Path, tmp_path: Path, terminal: Terminal
) -> None:
    files = [
        small_checkpoint(tmp_path / name / "mine.pt.safetensors", i) for i, name in enumerate("ab")
    ]
    alone = evaluate([benchmark], [str(files[0])], tmp_path / "one", terminal)
    assert {row.model for row in alone} == {"bicubic", files[0].name}
    both = evaluate([benchmark], [str(file) for file in files], tmp_path / "two", terminal)
    assert {row.model for row in both} == {"bicubic", str(files[0]), str(files[1])}
    assert len({row.psnr_y_db for row in both}) == len(both)
    assert len({row.checkpoint_sha256 for row in both}) == 3


def test_scores_are_never_overwritten(benchmark: Path, tmp_path: Path, terminal: Terminal) -> None:
    out = tmp_path / "out"
    out.mkdir()  # empty: nothing to lose
    evaluate([benchmark], ["bicubic"], out, terminal)
    before = {path: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(ConfigurationError, match="never overwritten: remove it or give another"):
        evaluate([benchmark], ["bicubic"], out, terminal)
    assert {path: path.read_bytes() for path in out.iterdir()} == before


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"folders": ["missing"]}, "no benchmark folder missing"),
        ({"folders": ["mine", "copy/mine"]}, "2 benchmarks are called 'mine'"),
        ({"models": ["srganx"]}, "no model or checkpoint file 'srganx'"),
        ({"lpips_file": Path("missing")}, "no LPIPS weights at missing"),
        ({"lpips_file": Path("mine/a.png")}, "cannot read mine/a.png"),
        ({"device": "tpu"}, "--device must be auto, cpu or cuda, not 'tpu'"),
    ],
)
def test_what_is_wrong_is_one_line_before_anything_is_written(
    options: dict[str, object],
    says: str,
    benchmark: Path,
    tmp_path: Path,
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "mine").symlink_to(benchmark)
    other = {"lpips_file": None, "device": "cpu"}
    other |= {key: value for key, value in options.items() if key not in ("folders", "models")}
    folders = [Path(folder) for folder in options.get("folders", ["mine"])]
    with pytest.raises(ConfigurationError) as refused:
        run_evaluation(
            folders, options.get("models", ["bicubic"]), Path("out"), terminal, scale=4, **other
        )
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not Path("out").exists()


def test_the_last_image_is_checked_before_the_first_is_upscaled(
    benchmark: Path, tmp_path: Path, terminal: Terminal
) -> None:
    (benchmark / "c.png").write_bytes((benchmark / "a.png").read_bytes()[:300])
    with pytest.raises(ConfigurationError, match=r"cannot evaluate on .*c\.png"):
        evaluate([benchmark], ["bicubic"], tmp_path / "out", terminal)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_missing_is_told(
    benchmark: Path, tmp_path: Path, terminal: Terminal
) -> None:
    with pytest.raises(ConfigurationError, match="torch finds no CUDA device"):
        evaluate([benchmark], ["bicubic"], tmp_path / "out", terminal, device="cuda")
