"""LR-PSNR, colour drift and sharpness gain: known values, and strips against whole images."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import laplace
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import peak_signal_noise_ratio

from sr_core.imaging.pixels import Pixels
from sr_core.imaging.resample import resize_pixels
from sr_core.metrics import blind
from sr_core.metrics.blind import colour_drift, lr_psnr, sharpness_gain
from sr_core.metrics.reference import luma
from tests.support.photograph import photograph

BothSizes = Callable[[Pixels, Pixels], float]


def flat(*colour: int, height: int = 20, width: int = 30) -> Pixels:
    return np.full((height, width, len(colour)), colour, np.uint8)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_lr_psnr_is_that_of_all_channels(dtype: Any, channels: int) -> None:
    source, shrunk = (photograph(40, 50, channels, dtype, seed) for seed in (0, 1))
    expected = peak_signal_noise_ratio(source, shrunk)
    assert lr_psnr(shrunk, source) == pytest.approx(expected, abs=1e-4)
    assert lr_psnr(source, shrunk) == pytest.approx(expected, abs=1e-4)


def test_lr_psnr_sees_a_cast_that_luma_does_not() -> None:
    source = flat(100, 100, 100)
    cast = flat(120, 90, 99)  # equal luma within half a level
    assert abs(luma(cast) - luma(source)).max() * 255 < 0.5
    expected = 20 * math.log10(255 / math.sqrt((20**2 + 10**2 + 1) / 3))
    assert lr_psnr(cast, source) == pytest.approx(expected, abs=1e-4)


def test_equal_images_neither_lose_nor_drift() -> None:
    for channels in (1, 3):
        image = photograph(33, 47, channels)
        assert lr_psnr(image, image.copy()) == math.inf
        assert colour_drift(image, image.copy()) == 0


@pytest.mark.parametrize("measure", [lr_psnr, colour_drift])
def test_strips_give_what_the_whole_gives(
    measure: BothSizes, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, shrunk = photograph(67, 45), photograph(67, 45, seed=1)
    whole = measure(shrunk, source)
    for strip_px in (1, 45 * 8, 45 * 23):
        monkeypatch.setattr(blind, "_STRIP_PX", strip_px)
        assert measure(shrunk, source) == pytest.approx(whole, rel=1e-6)


@pytest.mark.parametrize("measure", [lr_psnr, colour_drift])
def test_images_of_unlike_shapes_are_refused(measure: BothSizes) -> None:
    with pytest.raises(ValueError, match="cannot compare shapes"):
        measure(photograph(20, 20), photograph(20, 21))
    with pytest.raises(ValueError, match="cannot compare shapes"):
        measure(photograph(20, 20, 1), photograph(20, 20, 3))


@pytest.mark.parametrize("colours", [((200, 40, 40), (190, 50, 40)), ((90, 90, 90), (90, 90, 99))])
def test_drift_of_flat_images_is_ciede2000(colours: Any) -> None:
    labs = [rgb2lab(np.array(colour) / 255) for colour in colours]
    expected = float(deltaE_ciede2000(*labs))
    drift = colour_drift(flat(*colours[0]), flat(*colours[1]))
    assert drift == pytest.approx(expected, abs=0.01)


def test_drift_of_a_grey_image_is_of_lightness() -> None:
    expected = float(deltaE_ciede2000(rgb2lab([0.4] * 3), rgb2lab([0.6] * 3)))
    assert colour_drift(flat(102), flat(153)) == pytest.approx(expected, abs=0.01)


def test_texture_does_not_drift_but_a_blotch_does() -> None:
    source = np.full((64, 64, 3), 128, np.uint8)
    texture = source.copy()
    texture[::2, ::2] += 40
    texture[1::2, 1::2] -= 40
    assert colour_drift(texture, source) == pytest.approx(0, abs=1e-5)
    blotch = source.copy()
    blotch[:32, :32, 0] += 40
    assert colour_drift(blotch, source) > 2


def test_narrow_blocks_at_the_edges_divide_by_their_own_pixels() -> None:
    for height, width in [(1, 1), (9, 8), (8, 15), (17, 23)]:
        bright, dark = flat(153, height=height, width=width), flat(102, height=height, width=width)
        whole = colour_drift(flat(153), flat(102))
        assert colour_drift(bright, dark) == pytest.approx(whole, rel=1e-4)


@pytest.mark.parametrize("size", [(240, 320), (160, 96), (201, 333), (60, 80), (41, 57)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_bicubic_gains_no_sharpness(size: tuple[int, int], channels: int, dtype: Any) -> None:
    source = photograph(60, 80, channels, dtype)
    bicubic = resize_pixels(source, *size, "bicubic")
    assert sharpness_gain(bicubic, source) == pytest.approx(1, abs=1e-5)


@given(height=st.integers(3, 300), width=st.integers(3, 300), channels=st.sampled_from([1, 3]))
def test_sharpness_is_the_ratio_of_the_laplacians_of_the_whole_images(
    height: int, width: int, channels: int
) -> None:
    """For images larger than a tile, no pixel may be counted twice or omitted."""
    source = photograph(40, 30, channels)
    output = np.random.default_rng(3).integers(0, 256, (height, width, channels), np.uint8)
    bicubic = resize_pixels(source, height, width, "bicubic")
    sharp, plain = (
        laplace(luma(image).double().numpy())[1:-1, 1:-1].var() for image in (output, bicubic)
    )
    gain = sharpness_gain(output, source)
    if gain is None:
        assert plain <= 1e-9 * (1 + 1e-3)
    else:
        assert gain == pytest.approx(sharp / plain, rel=1e-3)


@pytest.mark.parametrize(
    ("height", "kept", "every"), [(512, 1, 2), (700, 1, 2), (1026, 2, 4), (1090, 2, 4)]
)
def test_sharpness_of_a_high_image_is_that_of_strips_spread_evenly_over_it(
    height: int, kept: int, every: int
) -> None:
    """Strips of 32 rows start at the second row; the Laplacian needs one more row on each side."""
    source = photograph(270, 20)
    output = np.random.default_rng(3).integers(0, 256, (height, 40, 3), np.uint8)
    output[::5] //= 3
    bicubic = resize_pixels(source, height, 40, "bicubic")
    rows = np.arange(height - 2) // 32 % every == kept
    sharp, plain = (
        laplace(luma(image).double().numpy())[1:-1, 1:-1][rows].var() for image in (output, bicubic)
    )
    assert sharpness_gain(output, source) == pytest.approx(sharp / plain, rel=1e-3)


def test_nearest_is_sharper_than_bicubic_and_bilinear_softer() -> None:
    source = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    nearest, bilinear = (
        sharpness_gain(resize_pixels(source, 240, 320, kind), source)
        for kind in ("nearest", "bilinear")
    )
    assert nearest is not None
    assert nearest > 2
    assert bilinear is not None
    assert 0 < bilinear < 1


def test_sharpness_of_a_flat_source_is_undefined() -> None:
    assert sharpness_gain(photograph(80, 120), flat(90, 120, 30)) is None


@pytest.mark.parametrize("size", [(1, 40), (40, 2), (1, 1)])
def test_sharpness_without_an_inside_is_undefined(size: tuple[int, int]) -> None:
    assert sharpness_gain(photograph(*size), photograph(10, 10)) is None
