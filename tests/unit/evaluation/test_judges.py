"""Judges beside the scores: what they are asked, and their means."""

from __future__ import annotations

import math

import pytest

from sr_core.evaluation.judges import Judges, judge, mean_judges
from sr_core.imaging.pixels import Pixels
from sr_core.imaging.resample import resize_pixels
from tests.support.photograph import photograph


def bicubic(pixels: Pixels) -> Pixels:
    return resize_pixels(pixels, 4 * pixels.shape[0], 4 * pixels.shape[1], "bicubic")


def test_the_truth_is_consistent_with_its_lr() -> None:
    hr = photograph(160, 144)
    lr = resize_pixels(hr, 40, 36, "bicubic")
    found = judge(hr, lr, hr, 4)
    assert (found.lr_psnr_db, found.colour_drift_delta_e) == (math.inf, 0.0)
    assert found.self_psnr_y_db is None
    assert found.flat_grain in (None, 1.0)


def test_an_upscaler_is_asked_for_a_source_that_it_is_compared_with() -> None:
    hr = photograph(160, 144)
    lr = resize_pixels(hr, 40, 36, "bicubic")
    sizes: list[tuple[int, ...]] = []

    def upscale(pixels: Pixels) -> Pixels:
        sizes.append(pixels.shape)
        return bicubic(pixels)

    found = judge(bicubic(lr), lr, hr, 4, upscale)
    assert sizes == [(10, 9, 3)]
    assert 10 < found.self_psnr_y_db < 60
    assert 20 < found.lr_psnr_db < math.inf


def test_a_mean_leaves_out_images_without_the_number() -> None:
    one, two = Judges(40.0, 30.0, 1.0, None, 0.01), Judges(42.0, None, 2.0, None, 0.03)
    assert mean_judges([one, two]) == Judges(41.0, 30.0, 1.5, None, pytest.approx(0.02))
    with pytest.raises(ValueError, match="no image"):
        mean_judges([])
