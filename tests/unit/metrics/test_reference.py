"""PSNR and SSIM of luma against scikit-image."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from sr_core.imaging.pixels import Pixels
from sr_core.imaging.tensors import to_tensor
from sr_core.metrics import reference
from sr_core.metrics.reference import compare_y, luma, psnr_y, ssim_y
from tests.support.photograph import photograph


def noisy(pixels: Pixels, strength: float, seed: int = 0) -> Pixels:
    top = np.iinfo(pixels.dtype).max
    noise = np.random.default_rng(seed).normal(scale=strength * top, size=pixels.shape)
    return np.rint(np.clip(pixels + noise, 0, top)).astype(pixels.dtype)


def y_of(pixels: Pixels, border_px: int) -> NDArray[np.float64]:
    """Return scikit-image's studio-swing luma, scaled to a peak of 1."""
    rgb = np.broadcast_to(pixels, (*pixels.shape[:2], 3)) / np.iinfo(pixels.dtype).max
    height, width = rgb.shape[:2]
    y = rgb2ycbcr(rgb)[..., 0] / 255
    return np.asarray(y[border_px : height - border_px, border_px : width - border_px])


def oracle(sr: Pixels, hr: Pixels, border_px: int) -> tuple[float, float]:
    sr_y, hr_y = y_of(sr, border_px), y_of(hr, border_px)
    _, similarity = structural_similarity(
        *(sr_y, hr_y),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1.0,
        full=True,
    )
    psnr = peak_signal_noise_ratio(hr_y, sr_y, data_range=1.0)
    return float(psnr), float(similarity[5:-5, 5:-5].mean())


@pytest.mark.parametrize("strength", [0.001, 0.02, 0.3])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(("size", "border_px"), [((131, 117), 4), ((11, 12), 0), ((230, 19), 2)])
def test_both_agree_with_scikit_image(
    strength: float, channels: int, dtype: Any, size: tuple[int, int], border_px: int
) -> None:
    hr = photograph(*size, channels, dtype)
    sr = noisy(hr, strength)
    psnr, similarity = oracle(sr, hr, border_px)
    assert psnr_y(to_tensor(sr), to_tensor(hr), border_px) == pytest.approx(psnr, abs=1e-3)
    assert ssim_y(to_tensor(sr), to_tensor(hr), border_px) == pytest.approx(similarity, abs=2e-6)
    assert compare_y(sr, hr, border_px)[0] == pytest.approx(psnr, abs=1e-3)
    assert compare_y(sr, hr, border_px)[1] == pytest.approx(similarity, abs=2e-6)


@pytest.mark.parametrize("tile_px", [(1, 7), (97, 16), (128, 33), (311, 50), (331, 1024)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tiles_give_what_the_whole_gives(
    tile_px: tuple[int, int], dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hr = photograph(331, 60, 3, dtype)
    sr = noisy(hr, 0.05)
    psnr, similarity = oracle(sr, hr, 3)
    monkeypatch.setattr(reference, "_TILE_PX", tile_px)
    assert compare_y(sr, hr, 3)[0] == pytest.approx(psnr, abs=1e-4)
    assert compare_y(sr, hr, 3)[1] == pytest.approx(similarity, abs=1e-6)
    assert ssim_y(to_tensor(sr), to_tensor(hr), 3) == pytest.approx(similarity, abs=1e-6)


@pytest.mark.parametrize("width", [*range(11, 29), 42, 43])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_width_is_blurred_to_its_last_column(width: int, channels: int) -> None:
    """Partial blocks of lanes must neither add nor omit windows."""
    hr = photograph(30, width, channels)
    sr = hr.copy()
    sr[:, -1] ^= 0x55
    assert compare_y(sr, hr, 0) == pytest.approx(oracle(sr, hr, 0), abs=1e-5)


@pytest.mark.parametrize("level", [5, 128, 250])
def test_flat_areas_do_not_lose_their_little_variance_to_rounding(level: int) -> None:
    hr = np.full((300, 300, 3), level, np.uint8)
    sr = hr.copy()
    sr[::2, ::3] += 1
    assert compare_y(sr, hr, 4)[1] == pytest.approx(oracle(sr, hr, 4)[1], abs=1e-6, rel=0)


@given(
    height=st.integers(11, 60),
    width=st.integers(11, 60),
    channels=st.sampled_from([1, 3]),
    seeds=st.tuples(st.integers(0, 99), st.integers(0, 99)),
)
def test_any_two_images_compare_within_bounds_and_symmetrically(
    height: int, width: int, channels: int, seeds: tuple[int, int]
) -> None:
    first, second = (
        np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
        for seed in seeds
    )
    psnr, similarity = compare_y(first, second, 0)
    assert psnr > 0
    assert -1 <= similarity <= 1 + 1e-6
    assert compare_y(second, first, 0) == pytest.approx((psnr, similarity), abs=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_equal_images_are_infinitely_close(channels: int) -> None:
    image = photograph(40, 50, channels)
    tensor = to_tensor(image)
    assert psnr_y(tensor, tensor.clone(), 4) == math.inf
    assert ssim_y(tensor, tensor.clone(), 4) == pytest.approx(1, abs=1e-12)
    assert compare_y(image, image.copy(), 4) == (math.inf, pytest.approx(1, abs=1e-12))


def test_one_level_of_difference_everywhere_is_48_db_of_grey() -> None:
    hr = np.full((20, 20, 1), 100, np.uint8)
    # Studio-swing luma changes by 219 / 255 of a grey level.
    expected = 20 * math.log10(255 / (219 / 255))
    assert compare_y(hr + np.uint8(1), hr, 0)[0] == pytest.approx(expected, abs=1e-3)


def test_the_border_is_left_out() -> None:
    hr = photograph(40, 50)
    sr = hr.copy()
    sr[:4], sr[-4:], sr[:, :4], sr[:, -4:] = 0, 255, 0, 255
    assert compare_y(sr, hr, 4)[0] == math.inf
    assert compare_y(sr, hr, 3)[0] < 40
    assert psnr_y(to_tensor(sr), to_tensor(hr), 4) == math.inf
    assert psnr_y(to_tensor(sr), to_tensor(hr), 3) < 40


def test_grey_is_neutral_rgb_and_depths_compare() -> None:
    grey = photograph(30, 30, 1)
    deep = grey.astype(np.uint16) * 257
    assert compare_y(grey, np.repeat(grey, 3, axis=2), 0)[0] > 120
    assert compare_y(deep, grey, 0)[0] > 120


def test_errors_of_a_large_image_do_not_drown_in_float32() -> None:
    hr = torch.full((1, 1, 2048, 2048), 0.5)
    assert psnr_y(hr + 1e-3, hr, 0) == pytest.approx(60 - 20 * math.log10(219 / 255), abs=2e-3)


def test_luma_takes_read_only_views() -> None:
    image = photograph(12, 14)
    image.flags.writeable = False
    assert torch.equal(luma(image[::2]), luma(image[::2].copy()))


@pytest.mark.parametrize("measure", [psnr_y, ssim_y])
def test_what_cannot_be_compared_is_refused(measure: Any) -> None:
    image = torch.zeros(1, 3, 20, 20)
    with pytest.raises(ValueError, match="cannot compare sizes"):
        measure(image, image[..., 1:], 0)
    with pytest.raises(ValueError, match="expected"):
        measure(image[0], image[0], 0)
    with pytest.raises(ValueError, match="expected"):
        measure(torch.zeros(1, 4, 20, 20), image, 0)
    with pytest.raises(ValueError, match="leaves nothing"):
        measure(image, image, 10)


def test_ssim_needs_a_whole_window() -> None:
    with pytest.raises(ValueError, match="11x11"):
        ssim_y(torch.zeros(1, 3, 14, 40), torch.zeros(1, 3, 14, 40), 2)
    with pytest.raises(ValueError, match="11x11"):
        compare_y(photograph(14, 40), photograph(14, 40), 2)
    with pytest.raises(ValueError, match="cannot compare sizes"):
        compare_y(photograph(14, 40), photograph(14, 41), 0)
