"""Scores of an image: luma without its border, LPIPS of the whole image, grey as neutral RGB."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from sr_core.evaluation.scores import Scores, mean_scores, score
from sr_core.imaging.tensors import to_tensor
from sr_core.metrics.lpips import LPIPS
from sr_core.metrics.reference import psnr_y, ssim_y

RNG = np.random.default_rng(5)
HR = RNG.integers(0, 256, (48, 56, 3), dtype=np.uint8)
SR = (HR // 2 + 60).astype(np.uint8)


@pytest.fixture(scope="module")
def lpips() -> LPIPS:
    """Return LPIPS with random weights; as a function of images it behaves as the published one."""
    generator = torch.Generator().manual_seed(0)
    shapes = {
        0: (64, 3, 11),
        3: (192, 64, 5),
        6: (384, 192, 3),
        8: (256, 384, 3),
        10: (256, 256, 3),
    }
    weights = {}
    for layer, (index, (width, depth, side)) in enumerate(shapes.items()):
        size = (width, depth, side, side)
        weights[f"features.{index}.weight"] = torch.randn(size, generator=generator) / side
        weights[f"features.{index}.bias"] = torch.zeros(width)
        heads = torch.rand(1, width, 1, 1, generator=generator)
        weights[f"lin{layer}.model.1.weight"] = heads
    return LPIPS(weights)


def test_luma_is_compared_without_the_border() -> None:
    got = score(SR, HR, 4, None)
    assert got.psnr_y_db == pytest.approx(psnr_y(to_tensor(SR), to_tensor(HR), 4), abs=1e-4)
    assert got.ssim_y == pytest.approx(ssim_y(to_tensor(SR), to_tensor(HR), 4), abs=1e-5)
    framed = SR.copy()
    framed[:4], framed[:, -4:] = 0, 255
    assert score(framed, HR, 4, None) == got
    assert score(framed, HR, 2, None) != score(SR, HR, 2, None)


def test_lpips_sees_the_border(lpips: LPIPS) -> None:
    framed = SR.copy()
    framed[:4] = 0
    plain, changed = score(SR, HR, 4, lpips), score(framed, HR, 4, lpips)
    assert plain.lpips_alex is not None
    assert changed.lpips_alex is not None
    assert abs(plain.lpips_alex - changed.lpips_alex) > 1e-3
    expected = float(lpips(to_tensor(SR), to_tensor(HR)))
    assert plain.lpips_alex == pytest.approx(expected, rel=1e-5)


def test_equal_images_have_infinite_psnr_and_no_distance(lpips: LPIPS) -> None:
    assert score(HR, HR, 4, lpips) == Scores(math.inf, pytest.approx(1.0), pytest.approx(0.0))


def test_grey_counts_as_neutral_rgb(lpips: LPIPS) -> None:
    grey_sr, grey_hr = SR[..., :1], HR[..., :1]
    neutral = score(grey_sr.repeat(3, axis=2), grey_hr.repeat(3, axis=2), 4, lpips)
    for got in (
        score(grey_sr, grey_hr, 4, lpips),
        score(grey_sr, grey_hr.repeat(3, axis=2), 4, lpips),
    ):
        assert (got.psnr_y_db, got.ssim_y) == (neutral.psnr_y_db, neutral.ssim_y)
        assert got.lpips_alex == pytest.approx(neutral.lpips_alex, rel=1e-4)


def test_sixteen_bits_score_as_eight(lpips: LPIPS) -> None:
    eight, sixteen = (
        score(SR, HR, 4, lpips),
        score(SR * np.uint16(257), HR * np.uint16(257), 4, lpips),
    )
    assert sixteen.psnr_y_db == pytest.approx(eight.psnr_y_db, abs=1e-4)
    assert sixteen.lpips_alex == pytest.approx(eight.lpips_alex, abs=1e-5)


def test_other_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot compare sizes"):
        score(SR[1:], HR, 4, None)


def test_the_mean_is_of_each_score() -> None:
    both = mean_scores([Scores(20.0, 0.5, 0.25), Scores(30.0, 0.75, 0.75)])
    assert both == Scores(25.0, 0.625, 0.5)


def test_a_mean_over_a_missing_distance_is_missing() -> None:
    assert mean_scores([Scores(20.0, 0.5, None), Scores(30.0, 0.75, 0.75)]).lpips_alex is None


def test_a_mean_over_an_identical_image_is_infinite() -> None:
    assert mean_scores([Scores(20.0, 0.5, None), Scores(math.inf, 1.0, None)]).psnr_y_db == math.inf


def test_nothing_has_no_mean() -> None:
    with pytest.raises(ValueError, match="at least one"):
        mean_scores([])
