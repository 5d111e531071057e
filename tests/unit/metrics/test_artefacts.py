"""Grain of flat dark areas and a grid of sub-pixels, on images that have as much as is said."""

from __future__ import annotations

import numpy as np
import pytest

from sr_core.imaging.pixels import Pixels
from sr_core.metrics.artefacts import flat_grain, grid_share
from tests.support.photograph import photograph


def noisy(level: float, deviation: float, seed: int = 0, side: int = 96) -> Pixels:
    noise = np.random.default_rng(seed).normal(level, deviation, (side, side, 1))
    return np.rint(noise).clip(0, 255).astype(np.uint8).repeat(3, axis=2)


@pytest.mark.parametrize("ratio", [0.5, 1.0, 2.0])
def test_grain_is_the_ratio_of_deviations(ratio: float) -> None:
    assert flat_grain(noisy(40, 4 * ratio, 1), noisy(40, 4)) == pytest.approx(ratio, rel=0.05)


def test_an_image_has_its_own_grain() -> None:
    hr = noisy(40, 3)
    assert flat_grain(hr, hr.copy()) == 1.0
    sixteen = hr.astype(np.uint16) * 257
    assert flat_grain(sixteen, hr) == pytest.approx(1.0)


def test_grain_is_sought_only_where_the_reference_is_flat_and_dark() -> None:
    hr = noisy(40, 2)
    hr[:, 48:] = 200  # bright
    hr[48:] = photograph(48, 96)  # textured
    sr = hr.copy()
    sr[:, 56:] = noisy(200, 40)[:, 56:]
    sr[56:] = noisy(100, 40)[56:]
    assert flat_grain(sr, hr) == pytest.approx(1.0, abs=0.2)
    sr[:40, :40] = noisy(40, 8, 3)[:40, :40]
    assert flat_grain(sr, hr) > 2


def test_an_image_without_flat_dark_areas_has_no_grain() -> None:
    bright = noisy(200, 2)
    assert flat_grain(bright, bright) is None
    assert flat_grain(noisy(40, 1, side=7), noisy(40, 1, side=7)) is None


def test_a_stray_level_on_a_blank_reference_is_a_little_grain() -> None:
    blank = noisy(40, 0)
    sr = blank.copy()
    sr[::24, ::24] += 1
    assert 1 < flat_grain(sr, blank) < 1.05
    assert flat_grain(blank, blank) == 1.0


def test_sizes_must_be_equal() -> None:
    with pytest.raises(ValueError, match="cannot compare sizes"):
        flat_grain(noisy(40, 2, side=64), noisy(40, 2, side=96))


def test_a_pattern_of_every_lr_pixel_is_a_grid() -> None:
    image = noisy(100, 4)
    assert grid_share(image, 4) < 0.1
    image[::4, ::4] += 8
    assert grid_share(image, 4) > 0.4
    assert grid_share(image, 3) < 0.2  # of another scale


def test_a_blank_image_has_no_grid() -> None:
    assert grid_share(noisy(255, 0), 4) == 0.0
    assert grid_share(noisy(255, 4, side=19), 4) is None  # too small to have one
