"""Shipped weights: good enough to ship, and their training is documented."""

from __future__ import annotations

import statistics
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sr_core.evaluation.benchmark import open_benchmark
from sr_core.evaluation.evaluate import evaluate
from sr_core.evaluation.scores import Scores, mean_scores, score
from sr_core.inference.upscaler import open_upscaler
from sr_core.metrics.artefacts import grid_share
from sr_core.metrics.lpips import LPIPS, load_lpips
from sr_core.models.cards import CARDS, ModelCard
from sr_core.models.catalogue import find_checkpoint, shipped_models
from sr_core.models.checkpoint import load_generator
from sr_core.training.validation import HeldOut


@pytest.fixture(scope="module")
def lpips(shared: Path) -> LPIPS:
    return load_lpips(shared / "weights" / "lpips_alex_v0.1.safetensors")


def scores(model: str, folder: Path, lpips: LPIPS) -> Scores:
    upscalers = {model: open_upscaler(model)}
    pairs = open_benchmark(folder, 4).pairs()
    return mean_scores(evaluate(pair, upscalers, 4, lpips)[0].scores for pair in pairs)


@pytest.mark.parametrize(("name", "psnr_y_db"), [("Set5", 31.3), ("Set14", 28.0)])
def test_srresnet_is_far_above_bicubic(
    shared: Path, lpips: LPIPS, name: str, psnr_y_db: float
) -> None:
    # Bicubic reaches 28.43 and 26.09 dB.
    measured = scores("srresnet", shared / "data" / "bench" / name, lpips)
    assert measured.psnr_y_db >= psnr_y_db


@pytest.mark.parametrize(
    ("name", "lpips_alex", "psnr_y_db"), [("Set5", 0.095, 29.4), ("Set14", 0.165, 26.6)]
)
def test_srgan_looks_true_and_stays_close(
    shared: Path, lpips: LPIPS, name: str, lpips_alex: float, psnr_y_db: float
) -> None:
    # The paper has .088 and .166, 29.40 and 26.02 dB; bicubic .341 and .440.
    measured = scores("srgan", shared / "data" / "bench" / name, lpips)
    assert measured.lpips_alex is not None
    assert measured.lpips_alex < lpips_alex
    assert measured.psnr_y_db >= psnr_y_db


@pytest.mark.parametrize("model", shipped_models())
def test_no_grid_of_sub_pixels_lies_over_the_image(shared: Path, model: str) -> None:
    # Photographs have .01 on average and .03 at most; an obvious grid has .2.
    upscalers = {model: open_upscaler(model)}
    pairs = open_benchmark(shared / "data" / "bench" / "Set5", 4).pairs()
    outputs = [evaluate(pair, upscalers, 4, None)[0] for pair in pairs]
    assert statistics.fmean(grid_share(output.sr, 4) for output in outputs) < 0.05


@pytest.mark.parametrize("model", shipped_models())
def test_white_stays_white_and_no_page_has_edges(model: str) -> None:
    upscaler = open_upscaler(model, precision="float32")
    for level, most in ((255, 0), (128, 1), (0, 1)):
        page = np.full((70, 61, 3), level, np.uint8)
        sr = upscaler.upscale(page, 280, 244).pixels.astype(int)
        assert np.abs(sr - level).max() <= most
        middle = np.tile(sr[140:144, 120:124], (70, 61, 1))
        assert np.abs(sr - middle).max() <= min(1, most), "the edges differ from the middle"


@pytest.mark.parametrize("model", shipped_models())
def test_a_checkpoint_says_how_it_was_trained(model: str) -> None:
    _, info = load_generator(find_checkpoint(model))
    assert info.training["stage"]["name"] == model
    stages = [info.training["stage"], *info.training.get("history", ())]
    assert sum(stage["steps"] for stage in stages) > 1000
    assert info.training["photographs"] > 100


# Files saved before headers had a licence. Weights that replace them must state it.
WITHOUT_LICENCE = ("eaa80ca0",)


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.file)
def test_a_checkpoint_states_the_name_and_the_licence_of_its_card(card: ModelCard) -> None:
    _, info = load_generator(find_checkpoint(card.name, card.scale))
    stated = (None, None) if card.sha256[:8] in WITHOUT_LICENCE else (card.name, card.licence)
    assert (info.name, info.licence) == stated


def test_the_paper_s_models_ship_and_one_for_archives() -> None:
    assert shipped_models() == ["srresnet", "srgan", "srresnet-photo", "srgan-photo"]


def test_srgan_photo_is_far_better_than_srgan_on_degraded_photographs(
    shared: Path, lpips: LPIPS
) -> None:
    files = sorted((shared / "data" / "val").iterdir())[::4]
    photographs = []
    for file in files:
        with Image.open(file) as image:
            photographs.append(np.array(image.convert("RGB")))
    pairs = HeldOut.of(photographs, 4, "archive").pairs
    distances = []
    for model in ("srgan-photo", "srgan"):
        upscaler = open_upscaler(model)
        outputs = [upscaler.upscale(lr, *hr.shape[:2]).pixels for lr, hr in pairs]
        each = [score(sr, hr, 4, lpips) for sr, (_, hr) in zip(outputs, pairs, strict=True)]
        distances.append(mean_scores(each).lpips_alex or 1.0)
    assert distances[0] < 0.75 * distances[1], distances
