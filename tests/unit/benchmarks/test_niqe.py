"""NIQE: moments fit known distributions; distance is zero from one's own statistics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import gennorm

from benchmarks.niqe import NIQE, block_features, fit
from tests.support.photograph import photograph


@pytest.mark.parametrize("shape", [0.8, 1.0, 2.0, 4.0])
def test_the_fit_finds_shape_and_scale(shape: float) -> None:
    values = gennorm.rvs(shape, scale=3, size=200_000, random_state=1)
    found, left, right = fit(values)
    assert found == pytest.approx(shape, rel=0.03)
    assert left == pytest.approx(3, rel=0.03)
    assert right == pytest.approx(3, rel=0.03)


def test_the_sides_of_a_skewed_distribution_differ() -> None:
    values = gennorm.rvs(2, size=200_000, random_state=1)
    _, left, right = fit(np.where(values < 0, 3 * values, values))
    assert left == pytest.approx(3 * right, rel=0.03)


def grainy(height: int, width: int, deviation: float, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, deviation, (height, width, 1))
    return np.clip(photograph(height, width, seed=seed) + noise, 0, 255).astype(np.uint8)


def test_images_like_the_good_ones_are_nearer(tmp_path: Path) -> None:
    good = [block_features(grainy(288, 288, 6, seed).astype(float)[..., 1]) for seed in range(6)]
    every = np.concatenate(good)
    file = tmp_path / "parameters.npz"
    np.savez(file, mu_pris_param=every.mean(0)[None], cov_pris_param=np.cov(every.T))
    niqe = NIQE.load(file)
    like = niqe.measure(grainy(288, 288, 6, 9).astype(np.uint8))
    unlike = niqe.measure(grainy(288, 288, 0.5, 9).astype(np.uint8))
    assert like is not None
    assert unlike is not None
    assert like < 0.7 * unlike
    assert niqe.measure(np.zeros((191, 300, 3), np.uint8)) is None


def test_a_block_counts_once_at_each_size() -> None:
    found = block_features(photograph(200, 300, 1)[..., 0].astype(float))
    assert found.shape == (6, 36)
    blank = np.full((192, 192), 100.0)
    blank[96:] = photograph(96, 192, 1)[..., 0]
    assert len(block_features(blank)) < 4
