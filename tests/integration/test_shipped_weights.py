"""The weights that ship are worth shipping: two decibels above bicubic, with their record."""

from __future__ import annotations

import statistics
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sr_core.imaging.tensors import to_tensor
from sr_core.inference.upscaler import Upscaler, open_upscaler
from sr_core.metrics.reference import psnr_y
from sr_core.models.catalogue import find_checkpoint
from sr_core.models.checkpoint import load_generator


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image.convert("RGB"))


def mean_psnr_y(upscaler: Upscaler, folder: Path) -> float:
    values = []
    for path in sorted((folder / "HR").iterdir()):
        lr = read(folder / "LRx4" / path.name)
        height, width = lr.shape[0] * 4, lr.shape[1] * 4
        hr = read(path)[:height, :width]
        values.append(psnr_y(to_tensor(upscaler.upscale(lr, height, width)), to_tensor(hr), 4))
    return statistics.fmean(values)


def test_srresnet_beats_bicubic_by_two_decibels_on_set5(shared: Path) -> None:
    set5 = shared / "data/bench/Set5"
    bicubic = mean_psnr_y(open_upscaler("bicubic"), set5)
    assert bicubic == pytest.approx(28.43, abs=0.02)
    assert mean_psnr_y(open_upscaler("srresnet"), set5) >= bicubic + 2.0


def test_the_checkpoint_says_how_it_was_trained() -> None:
    _, info = load_generator(find_checkpoint("srresnet"))
    assert info.training["schedule"]["steps"] > 1000
    assert info.training["photographs"] > 100
