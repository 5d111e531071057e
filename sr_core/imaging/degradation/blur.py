"""Blur of lenses and scanners, and the sharpening that is meant to undo it, by their spectra."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sr_core.imaging.degradation.planes import Planes

Spectrum = NDArray[np.float32]
"""Factor of a filter for each frequency, (H, W // 2 + 1); all filters here are symmetric."""

ROUND_SHARE, STRETCHED_SHARE = 0.6, 0.3
"""Shares of round and elliptic gaussians; the rest are discs, as of a lens out of focus."""
ROUND_LR_PX = (0.1, 0.9)
"""Standard deviation in LR pixels: from sharp to .02 of the contrast at half the finest detail.
BSRGAN goes to .7 at x4 and 2.8 px of HR, Real-ESRGAN to .75 of an LR pixel."""
STRETCHED_LR_PX = (0.1, 1.1)
"""Standard deviation along each axis of an ellipse, as from camera shake or a worn scanner."""
DISC_LR_PX = (0.4, 1.1)
"""Radius of the circle of confusion."""
UNEVEN_SHARE = 0.15
"""Share of images with another blur at the other end: a tilted page, a field that is not flat."""

HALO_LR_PX = (0.5, 1.6)
SHARPENING = (0.2, 1.4)
"""Radius and strength of unsharp masks; programs offer .5 to 2 px and 50 to 150 % as defaults."""


def lens(planes: Planes, px_per_lr_px: float, rng: np.random.Generator) -> Planes:
    """Blur by a random kernel, or by two of them that blend into each other."""
    blurred = _filtered(planes, _draw_blur(planes.shape[1:], px_per_lr_px, rng))
    if rng.random() >= UNEVEN_SHARE:
        return blurred
    other = _filtered(planes, _draw_blur(planes.shape[1:], px_per_lr_px, rng))
    ramp = _ramp(planes.shape[1:], rng.uniform(0, 2 * math.pi))
    return blurred + ramp * (other - blurred)


def sharpen(planes: Planes, px_per_lr_px: float, rng: np.random.Generator) -> Planes:
    """Sharpen by an unsharp mask, which leaves halos, and clamp as a program would."""
    sigma = rng.uniform(*HALO_LR_PX) * px_per_lr_px
    strength = np.float32(rng.uniform(*SHARPENING))
    blur = gaussian(planes.shape[1:], sigma, sigma, 0.0)
    return np.clip(_filtered(planes, 1 + strength * (1 - blur)), 0, 255)


def gaussian(size: tuple[int, ...], sigma_x: float, sigma_y: float, angle: float) -> Spectrum:
    """Return the spectrum of an elliptic gaussian, sigmas in pixels."""
    y, x = _frequencies(size[0], size[1])
    along = math.cos(angle) * x + math.sin(angle) * y
    across = math.cos(angle) * y - math.sin(angle) * x
    exponent = np.square(sigma_x * along) + np.square(sigma_y * across)
    return np.exp(-2 * math.pi**2 * exponent, dtype=np.float32)


def _draw_blur(size: tuple[int, ...], px_per_lr_px: float, rng: np.random.Generator) -> Spectrum:
    kind = rng.random()
    if kind < ROUND_SHARE:
        sigma = rng.uniform(*ROUND_LR_PX) * px_per_lr_px
        return gaussian(size, sigma, sigma, 0.0)
    if kind < ROUND_SHARE + STRETCHED_SHARE:
        sigma_x, sigma_y = rng.uniform(*STRETCHED_LR_PX, 2) * px_per_lr_px
        return gaussian(size, sigma_x, sigma_y, rng.uniform(0, math.pi))
    return _disc(size, rng.uniform(*DISC_LR_PX) * px_per_lr_px)


def _disc(size: tuple[int, ...], radius: float) -> Spectrum:
    """Return the spectrum of a disc with a soft rim, radius in pixels."""
    reach = min(math.ceil(radius) + 1, (min(size) - 1) // 2)
    offsets = np.arange(-reach, reach + 1)
    kernel = np.clip(radius + 0.5 - np.hypot(offsets[:, None], offsets), 0, 1)
    spread = np.zeros(size, np.float32)
    spread[np.ix_(offsets, offsets)] = kernel / kernel.sum()  # round the corner: no phase
    return np.fft.rfft2(spread).real.astype(np.float32)


def _filtered(planes: Planes, spectrum: Spectrum) -> Planes:
    """Filter planes; opposite borders are neighbours, so callers cut the borders off."""
    product = np.fft.rfft2(planes) * spectrum
    return np.fft.irfft2(product, planes.shape[1:]).astype(np.float32, copy=False)


def _ramp(size: tuple[int, ...], angle: float) -> NDArray[np.float32]:
    """Return a plane that rises from 0 to 1 across the image."""
    y, x = (np.linspace(-0.5, 0.5, side, dtype=np.float32) for side in size)
    return np.clip(0.5 + math.cos(angle) * x + math.sin(angle) * y[:, None], 0, 1)


@lru_cache(maxsize=64)
def _frequencies(height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    y, x = np.fft.fftfreq(height), np.fft.rfftfreq(width)
    return y[:, None].astype(np.float32), x.astype(np.float32)
