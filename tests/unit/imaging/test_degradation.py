"""LR for training: bit-exact bicubic, and the blur, noise and JPEG of the archive preset."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sr_core.imaging import degradation
from sr_core.imaging.degradation import DEGRADATIONS, shrink
from sr_core.imaging.resample import degrade
from sr_core.imaging.tensors import to_pixels, to_tensor
from tests.support.photograph import photograph

Image = NDArray[np.uint8]
PHOTOGRAPH = photograph(101, 122)


def archive(seed: int, image: Image = PHOTOGRAPH, scale: int = 2) -> Image:
    return shrink(image, scale, "archive", np.random.default_rng(seed))


def bicubic(image: Image = PHOTOGRAPH, scale: int = 2) -> Image:
    return shrink(image, scale, "bicubic", np.random.default_rng(0))


def sharpness(image: Image) -> float:
    return float(np.abs(np.diff(image.astype(np.float64), axis=1)).mean())


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Turn off every step of the archive preset; a test enables its own. JPEG at best quality."""
    monkeypatch.setattr(degradation, "BLUR_LR_PX", 0.0)
    monkeypatch.setattr(degradation, "NOISE_LEVELS", 0.0)
    monkeypatch.setattr(degradation, "JPEG_QUALITY", (100, 100))
    return monkeypatch


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("kind", DEGRADATIONS)
def test_lr_is_smaller_by_the_scale_without_the_rest(kind: str, scale: int) -> None:
    lr = shrink(PHOTOGRAPH, scale, kind, np.random.default_rng(0))
    assert (lr.shape, lr.dtype) == ((101 // scale, 122 // scale, 3), np.uint8)
    assert lr.flags.writeable


def test_bicubic_is_that_of_the_benchmarks_and_draws_nothing() -> None:
    rng = np.random.default_rng(0)
    lr = shrink(PHOTOGRAPH, 4, "bicubic", rng)
    expected = to_pixels(degrade(to_tensor(PHOTOGRAPH), 4), np.dtype(np.uint8))
    assert np.array_equal(lr, expected)
    assert rng.bit_generator.state == np.random.default_rng(0).bit_generator.state


def test_archive_is_decided_by_the_random_numbers_alone() -> None:
    assert np.array_equal(archive(1), archive(1))
    assert not np.array_equal(archive(1), archive(2))


def test_archive_keeps_brightness_and_colours_on_average() -> None:
    mean = np.mean([archive(seed).mean(axis=(0, 1)) for seed in range(20)], axis=0)
    assert np.abs(mean - bicubic().mean(axis=(0, 1))).max() < 0.5


def test_archive_stays_the_same_scene() -> None:
    errors = [archive(seed).astype(float) - bicubic() for seed in range(20)]
    assert 2 < np.std(errors) < 10
    assert max(np.abs(error.mean()) for error in errors) < 1.5


def test_without_its_parts_archive_is_bicubic(only: pytest.MonkeyPatch) -> None:
    errors = [np.abs(archive(seed).astype(int) - bicubic()).mean() for seed in range(8)]
    assert min(errors) < 0.8, "chroma at full size"
    assert 1.0 < max(errors) < 2.5, "chroma at half size"


def test_blur_takes_sharpness_in_proportion_to_the_scale(only: pytest.MonkeyPatch) -> None:
    only.setattr(degradation, "BLUR_LR_PX", 0.6)
    for scale in (2, 4):
        shares = [sharpness(archive(seed, scale=scale)) for seed in range(12)]
        shares = [each / sharpness(bicubic(scale=scale)) for each in shares]
        assert min(shares) < 0.85
        assert 0.95 < max(shares) < 1.05


def test_noise_is_mostly_luma_and_equally_strong_at_every_brightness(
    only: pytest.MonkeyPatch,
) -> None:
    only.setattr(degradation, "NOISE_LEVELS", 8.0)
    strengths = []
    for seed in range(16):
        dark, bright = (
            archive(seed, np.full((160, 160, 3), level, np.uint8)) - float(level)
            for level in (60, 190)
        )
        luma = dark @ [0.299, 0.587, 0.114]
        strengths.append(luma.std())
        assert bright.std() == pytest.approx(dark.std(), rel=0.05, abs=0.2)
        assert (dark[..., 0] - luma).std() < 0.5 * max(luma.std(), 1.5)
    assert min(strengths) < 2.0
    assert 6.0 < max(strengths) < 8.6


def test_jpeg_leaves_blocks_at_its_lowest_quality(only: pytest.MonkeyPatch) -> None:
    only.setattr(degradation, "JPEG_QUALITY", (50, 50))
    lr = archive(0, photograph(320, 320)).astype(float)
    steps = np.abs(np.diff(lr, axis=1)).mean(axis=(0, 2))
    edges = steps[7::8].mean()
    assert edges > 1.05 * np.delete(steps, np.s_[7::8]).mean()


def test_another_degradation_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="is one of bicubic, archive, not rain"):
        shrink(PHOTOGRAPH, 2, "rain", np.random.default_rng(0))
