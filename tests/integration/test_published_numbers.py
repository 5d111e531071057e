"""Bicubic on the benchmark sets scores what the literature says."""

from __future__ import annotations

import statistics
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sr_core.imaging.pixels import Pixels
from sr_core.imaging.resample import resize_pixels
from sr_core.metrics.suite import measure

PUBLISHED = {"Set5": (28.43, 0.8104), "Set14": (26.09, 0.7027)}
"""PSNR in dB as design section 7 has it (28.42 / 26.00 in most tables), SSIM of most tables."""


def read(path: Path) -> Pixels:
    with Image.open(path) as image:
        pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


@pytest.mark.parametrize("name", PUBLISHED)
def test_bicubic_scores_as_published(shared: Path, name: str) -> None:
    files = sorted((shared / "data" / "bench" / name / "LRx4").iterdir())
    assert len(files) == int(name.removeprefix("Set"))
    rows = []
    for file in files:
        hr, lr = read(file.parent.parent / "HR" / file.name), read(file)
        sr = resize_pixels(lr, 4 * lr.shape[0], 4 * lr.shape[1], "bicubic")
        rows.append(measure(lr, sr, upscale=None, scale=4, reference=hr))
    psnr, similarity = PUBLISHED[name]
    assert statistics.fmean(row.psnr_y_db or 0 for row in rows) == pytest.approx(psnr, abs=0.02)
    # Published SSIM is of Y rounded to integers, which costs .001.
    assert statistics.fmean(row.ssim_y or 0 for row in rows) == pytest.approx(similarity, abs=0.003)
