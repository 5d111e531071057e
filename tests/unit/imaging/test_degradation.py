"""LR for training: plain bicubic to the bit, and an archive's blur, resizing, noise and JPEG."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sr_core.imaging.degradation import DEGRADATIONS, archive, blur, cut_pair, jpeg, noise, shrink
from sr_core.imaging.degradation.planes import to_levels, to_planes
from sr_core.imaging.degradation.prints import age
from sr_core.imaging.degradation.resizing import KERNELS, resize
from sr_core.imaging.resample import degrade
from sr_core.imaging.tensors import to_pixels, to_tensor
from tests.support.photograph import photograph

Image = NDArray[np.uint8]
PHOTOGRAPH = photograph(101, 122)
SHARES = (
    "LENS_BLUR_SHARE",
    "SECOND_PASS_SHARE",
    "NOISE_SHARE",
    "SHARPENING_SHARE",
    "JPEG_SHARE",
    "CLEAN_SHARE",
)


def degraded(seed: int, image: Image = PHOTOGRAPH, scale: int = 2) -> Image:
    return shrink(image, scale, "archive", np.random.default_rng(seed))


def bicubic(image: Image = PHOTOGRAPH, scale: int = 2) -> Image:
    return shrink(image, scale, "bicubic", np.random.default_rng(0))


def sharpness(image: Image) -> float:
    return float(np.abs(np.diff(image.astype(np.float64), axis=1)).mean())


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The archive degradation with nothing but what a test turns on."""
    for share in SHARES:
        monkeypatch.setattr(archive, share, 0.0)
    return monkeypatch


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("kind", DEGRADATIONS)
def test_lr_is_smaller_by_the_scale_without_the_rest(kind: str, scale: int) -> None:
    for seed in range(12):
        lr = shrink(PHOTOGRAPH, scale, kind, np.random.default_rng(seed))
        assert (lr.shape, lr.dtype) == ((101 // scale, 122 // scale, 3), np.uint8)
        assert lr.flags.writeable


def test_bicubic_is_that_of_the_benchmarks_and_draws_nothing() -> None:
    rng = np.random.default_rng(0)
    lr = shrink(PHOTOGRAPH, 4, "bicubic", rng)
    expected = to_pixels(degrade(to_tensor(PHOTOGRAPH), 4), np.dtype(np.uint8))
    assert np.array_equal(lr, expected)
    assert rng.bit_generator.state == np.random.default_rng(0).bit_generator.state


def test_archive_is_decided_by_the_random_numbers_alone() -> None:
    assert np.array_equal(degraded(1), degraded(1))
    assert not np.array_equal(degraded(1), degraded(2))


def test_archive_keeps_brightness_and_colours_on_average() -> None:
    mean = np.mean([degraded(seed).mean(axis=(0, 1)) for seed in range(40)], axis=0)
    assert np.abs(mean - bicubic().mean(axis=(0, 1))).max() < 1.0


def test_archive_stays_the_same_scene() -> None:
    errors = [degraded(seed).astype(float) - bicubic() for seed in range(40)]
    assert 3 < np.std(errors) < 20


def test_a_share_is_clean_bicubic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "CLEAN_SHARE", 1.0)
    difference = degraded(0).astype(int) - bicubic()
    assert np.abs(difference).max() <= 1, "but for rounding"
    monkeypatch.setattr(archive, "CLEAN_SHARE", 0.3)
    clean = sum(np.abs(degraded(seed).astype(int) - bicubic()).max() <= 1 for seed in range(100))
    assert 18 <= clean <= 42


def test_blur_takes_sharpness_in_proportion_to_the_scale(only: pytest.MonkeyPatch) -> None:
    only.setattr(archive, "LENS_BLUR_SHARE", 1.0)
    for scale in (2, 4):
        plain = sharpness(bicubic(scale=scale))
        shares = [sharpness(degraded(seed, scale=scale)) / plain for seed in range(24)]
        assert min(shares) < 0.85
        assert 0.95 < max(shares) < 1.1


@pytest.mark.parametrize("kind", ["round", "stretched", "disc"])
def test_a_blur_keeps_the_mean_and_the_place(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blur, "ROUND_SHARE", float(kind == "round"))
    monkeypatch.setattr(blur, "STRETCHED_SHARE", float(kind == "stretched"))
    monkeypatch.setattr(blur, "UNEVEN_SHARE", 0.0)
    point = np.zeros((3, 41, 36), np.float32)
    point[:, 20, 18] = 255
    for seed in range(10):
        blurred = blur.lens(point, 4, np.random.default_rng(seed))
        assert blurred.sum() == pytest.approx(point.sum(), rel=1e-3)
        assert blurred.min() > -1
        rows, columns = (blurred[0].sum(axis=axis) / blurred[0].sum() for axis in (1, 0))
        assert rows @ np.arange(41) == pytest.approx(20, abs=0.02)
        assert columns @ np.arange(36) == pytest.approx(18, abs=0.02)


def test_some_blurs_are_stronger_at_one_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blur, "UNEVEN_SHARE", 1.0)
    stripes = np.tile(np.float32([0, 0, 255, 255]), (3, 64, 32))
    uneven = 0
    for seed in range(12):
        contrast = np.abs(np.diff(blur.lens(stripes, 4, np.random.default_rng(seed)), axis=2))
        quarters = contrast[..., :96].reshape(3, 64, 3, 32).mean(axis=(0, 1, 3))
        uneven += bool(quarters.max() > 1.3 * quarters.min())
    assert uneven >= 4


def test_sharpening_leaves_halos() -> None:
    edge = np.full((3, 32, 32), 80, np.float32)
    edge[..., 16:] = 160
    for seed in range(8):
        halo = blur.sharpen(edge, 1, np.random.default_rng(seed))
        assert halo[..., 8:24].max() > 162
        assert halo[..., 8:24].min() < 78


def test_noise_is_mostly_luma_and_of_every_strength() -> None:
    grey = np.full((3, 96, 96), 120, np.float32)
    luma, chroma = [], []
    for seed in range(60):
        field = noise.add(grey, 1, np.random.default_rng(seed)) - grey
        luma.append(field.mean(axis=0).std())
        chroma.append((field - field.mean(axis=0)).std())
    assert min(luma) < 0.5
    assert 10 < max(luma) < 22
    assert 3 < np.median(luma) < 8
    assert sum(chroma) < 0.6 * sum(luma)


def test_some_noise_is_grain_and_some_depends_on_brightness(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(noise, "GRAIN_SHARE", 1.0)
    monkeypatch.setattr(noise, "CHROMA", (0.0, 0.0))
    grey = np.full((3, 96, 96), 120, np.float32)
    grain = noise.add(grey, 1, np.random.default_rng(0))[0] - 120
    assert np.corrcoef(grain[:, 1:].ravel(), grain[:, :-1].ravel())[0, 1] > 0.15
    monkeypatch.setattr(noise, "BRIGHTNESS_SHARE", 1.0)
    monkeypatch.setattr(noise, "EXPONENT", (0.5, 0.5))
    dark, bright = (
        noise.add(np.full((3, 96, 96), level, np.float32), 1, np.random.default_rng(3)) - level
        for level in (40, 160)
    )
    assert bright.std() == pytest.approx(2 * dark.std(), rel=0.02)


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_kernel_keeps_flat_areas_and_gradients(kernel: str) -> None:
    ramp = np.tile(np.linspace(0, 255, 60, dtype=np.float32), (3, 30, 1))
    for size in ((15, 30), (17, 41), (45, 77)):
        resized = resize(ramp, *size, kernel)  # type: ignore[arg-type]
        assert resized.shape == (3, *size)
        assert resized.dtype == np.float32
        expected = (np.arange(size[1]) + 0.5) / size[1] * 60 - 0.5
        inner = slice(6, -6)
        tolerance = 2.5 if kernel == "box" else 0.3
        assert np.abs(resized[0, 3, inner] - expected[inner] * 255 / 59).max() < tolerance


def test_jpeg_blocks_begin_anywhere() -> None:
    image, starts = photograph(160, 160), set()
    for seed in range(60):
        saved = jpeg.save(image, 30, np.random.default_rng(seed)).astype(float)
        assert saved.shape == image.shape
        steps = np.abs(np.diff(saved, axis=1)).mean(axis=(0, 2))[:152]
        starts.add(int(steps.reshape(19, 8).mean(axis=0).argmax()))
    assert len(starts) >= 6


def test_qualities_keep_to_their_range_and_crowd_at_the_likeliest() -> None:
    rng = np.random.default_rng(0)
    drawn = np.array([jpeg.draw_quality(rng, archive.QUALITY) for _ in range(2000)])
    assert 30 <= drawn.min() < drawn.max() <= 96
    assert 40 < np.quantile(drawn, 0.1) < np.median(drawn) < np.quantile(drawn, 0.9) < 90
    assert abs(np.median(drawn) - 66) < 4


def test_a_second_pass_costs_more_detail(only: pytest.MonkeyPatch) -> None:
    once = np.mean([sharpness(degraded(seed)) for seed in range(24)])
    only.setattr(archive, "SECOND_PASS_SHARE", 1.0)
    for share in ("EARLIER_NOISE_SHARE", "EARLIER_SHARPENING_SHARE", "EARLIER_JPEG_SHARE"):
        only.setattr(archive, share, 0.0)
    assert np.mean([sharpness(degraded(seed)) for seed in range(24)]) < 0.95 * once


@pytest.mark.parametrize("corner", [(0, 0), (52, 71), (101 - 48, 122 - 48)])
def test_a_pair_shows_one_place_with_its_surroundings(
    only: pytest.MonkeyPatch, corner: tuple[int, int]
) -> None:
    only.setattr(archive, "CLEAN_SHARE", 1.0)
    lr, hr = cut_pair(PHOTOGRAPH, corner, (48, 48), 2, np.random.default_rng(0))
    top, left = corner
    assert np.array_equal(hr, PHOTOGRAPH[top : top + 48, left : left + 48])
    assert lr.shape == (24, 24, 3)
    if top % 2 == left % 2 == 0:  # then its pixels are those of the whole photograph's LR
        whole = bicubic(PHOTOGRAPH[:100, :122])[
            top // 2 : top // 2 + 24, left // 2 : left // 2 + 24
        ]
        assert np.abs(lr.astype(int) - whole).max() <= 1
    else:
        assert np.abs(lr.astype(int) - bicubic(hr)).mean() < 2


def test_aged_pairs_share_their_tones(only: pytest.MonkeyPatch) -> None:
    only.setattr(archive, "CLEAN_SHARE", 1.0)
    changed = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        lr, hr = cut_pair(PHOTOGRAPH, (20, 30), (64, 64), 2, rng, aged=True)
        assert np.abs(lr.mean(axis=(0, 1)) - hr.mean(axis=(0, 1))).max() < 1
        changed += not np.array_equal(hr, PHOTOGRAPH[20:84, 30:94])
    assert 3 <= changed <= 16


def test_black_and_white_is_exactly_neutral(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sr_core.imaging.degradation.prints.GREY_SHARE", 1.0)
    monkeypatch.setattr("sr_core.imaging.degradation.prints.FADED_SHARE", 0.0)
    grey = age(PHOTOGRAPH, np.random.default_rng(0))
    assert np.array_equal(grey[..., 0], grey[..., 1])
    assert np.array_equal(grey[..., 0], grey[..., 2])


def test_levels_are_rounded_and_clamped() -> None:
    planes = np.float32([[[-3.0, 0.6, 254.4, 300.0]]] * 3)
    assert to_levels(planes)[0, :, 0].tolist() == [0, 1, 254, 255]
    assert np.array_equal(to_levels(to_planes(PHOTOGRAPH)), PHOTOGRAPH)


def test_another_degradation_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="is one of bicubic, archive, not rain"):
        shrink(PHOTOGRAPH, 2, "rain", np.random.default_rng(0))


def test_a_side_shorter_than_the_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="3x40 px cannot shrink by 4"):
        degraded(0, PHOTOGRAPH[:40, :3], scale=4)
