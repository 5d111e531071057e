"""NIQE: how far the statistics of an image are from those of good photographs; lower is better.

It says something about the mean of many images only, and rewards texture whether true or not.

The authors' parameters are not part of srfleet: `niqe_pris_params.npz` holds them, in the folder
basicsr/metrics of the source archive of basicsr 1.4.2 on PyPI. With them this module gives 15.77,
3.65, 3.23, 3.21 and 8.69 on the five images of IQA-PyTorch's ResultsCalibra, where the authors'
program gives 15.75, 3.65, 3.24, 3.18 and 8.64, and IQA-PyTorch 15.65, 3.65, 3.23, 3.19 and 9.07.

Source: A. Mittal et al., Making a "completely blind" image quality analyzer, 2013.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import correlate1d
from scipy.special import gamma

from sr_core.imaging.pixels import Pixels
from sr_core.imaging.resample import resize

BLOCK_PX = 96
_GREY = np.array([0.298936, 0.587043, 0.114021])
"""MATLAB's rgb2gray, on which the published numbers are."""
_NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))
_TAPS = np.exp(-(np.arange(-3, 4) ** 2) / (2 * (7 / 6) ** 2))
_SHAPES = np.arange(0.2, 10.001, 0.001)
"""Candidates for the shape of a generalised Gaussian."""
_RATIOS = gamma(2 / _SHAPES) ** 2 / (gamma(1 / _SHAPES) * gamma(3 / _SHAPES))

Plane = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class NIQE:
    """Mean and covariance of 36 features of blocks of good photographs."""

    mean: Plane
    covariance: Plane

    @classmethod
    def load(cls, file: Path) -> NIQE:
        """Read the authors' parameters as BasicSR keeps them."""
        with np.load(file) as found:
            return cls(found["mu_pris_param"].ravel(), found["cov_pris_param"])

    def measure(self, image: Pixels) -> float | None:
        """Compute NIQE of (H, W, 3) uint8; None below twice BLOCK_PX a side."""
        if min(image.shape[:2]) < 2 * BLOCK_PX:
            return None
        found = block_features(np.rint(image @ _GREY))
        difference = self.mean - found.mean(axis=0)
        covariance = (self.covariance + np.cov(found.T)) / 2
        return float(np.sqrt(difference @ np.linalg.pinv(covariance) @ difference))


def block_features(grey: Plane) -> Plane:
    """Return 36 features of each whole block: 18 at full size, and 18 at half.

    Blocks without variation have none, and are left out.
    """
    rows, columns = (side // BLOCK_PX for side in grey.shape)
    plane = grey[: rows * BLOCK_PX, : columns * BLOCK_PX]
    scales = []
    for side in (BLOCK_PX, BLOCK_PX // 2):
        contrast = _normalised(plane)
        blocks = contrast.reshape(rows, side, columns, side).swapaxes(1, 2)
        scales.append([_features(block) for block in blocks.reshape(-1, side, side)])
        height, width = (length // 2 for length in plane.shape)
        plane = resize(torch.from_numpy(plane)[None, None], height, width, "bicubic")[0, 0].numpy()
    found = np.concatenate(scales, axis=1)
    return found[np.isfinite(found).all(axis=1)]


def fit(values: Plane) -> tuple[float, float, float]:
    """Fit an asymmetric generalised Gaussian by its moments: shape, left and right scale.

    Source: N. Lasmar et al., Multiscale skewed heavy tailed model for texture analysis, 2009.
    """
    left, right = (_deviation(values[side]) for side in (values < 0, values > 0))
    if not (left and right):
        return np.nan, np.nan, np.nan
    skew = left / right
    ratio = np.abs(values).mean() ** 2 / np.square(values).mean()
    wanted = ratio * (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    shape = float(_SHAPES[np.square(_RATIOS - wanted).argmin()])
    scale = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    return shape, left * scale, right * scale


def _deviation(values: Plane) -> float:
    return float(np.sqrt(np.square(values).mean())) if values.size else 0.0


def _normalised(plane: Plane) -> Plane:
    """Subtract the local mean and divide by the local deviation plus 1."""
    mean = _blurred(plane)
    deviation = np.sqrt(np.abs(_blurred(plane**2) - mean**2))
    return (plane - mean) / (deviation + 1)


def _blurred(plane: Plane) -> Plane:
    taps = _TAPS / _TAPS.sum()
    return correlate1d(correlate1d(plane, taps, 0, mode="nearest"), taps, 1, mode="nearest")


def _features(block: Plane) -> list[float]:
    """Describe the values of a block, and the products of neighbours in four directions."""
    shape, left, right = fit(block)
    found = [shape, (left + right) / 2]
    for shift in _NEIGHBOURS:
        shape, left, right = fit(block * np.roll(block, shift, (0, 1)))
        mean = (right - left) * gamma(2 / shape) / gamma(1 / shape)
        found += [shape, mean, left, right]
    return found
