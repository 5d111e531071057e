"""Noise of sensors and the grain of film."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sr_core.imaging.degradation.blur import gaussian
from sr_core.imaging.degradation.planes import Planes

STRONGEST_LEVELS, SKEW = 15.0, 1.6
"""Standard deviation of luma in levels of 255: 15 u^1.6 for uniform u, half of them below 5.
Real-ESRGAN goes to 30, where a network learns to wipe out faint texture."""
CHROMA = (0.0, 1.0)
"""Strength of each colour's own noise, relative to luma; cheap cameras suppress it less."""
COARSE_CHROMA_SHARE = 0.3
"""Share with colour noise in blotches, as left by demosaicing and half-size chroma."""
BRIGHTNESS_SHARE, EXPONENT = 0.4, (-0.5, 0.5)
"""Noise that depends on brightness, by a power of it. Shot noise of light I is sqrt(I), which the
display gamma turns into I^-.05; raised shadows have more of it, film more in the midtones."""
GRAIN_SHARE, GRAIN_PX = 0.3, (0.4, 1.0)
"""Luma noise correlated between neighbours: film grain, and noise that was resized or denoised."""


def add(planes: Planes, px_per_lr_px: float, rng: np.random.Generator) -> Planes:
    """Add noise of random strength, colour, grain and dependence on brightness.

    It is pixel noise at the size at hand: `px_per_lr_px` changes its strength, so that it is as
    strong after the resizing to LR as noise that is added there.
    """
    sigma = STRONGEST_LEVELS * rng.random() ** SKEW * max(1.0, px_per_lr_px)
    size = planes.shape[1:]
    luma = rng.standard_normal((1, *size), np.float32)
    if rng.random() < GRAIN_SHARE:
        luma = _correlated(luma, rng.uniform(*GRAIN_PX))
    chroma = rng.standard_normal(planes.shape, np.float32)
    if rng.random() < COARSE_CHROMA_SHARE:
        chroma = _correlated(chroma, 1.0)
    field = luma + np.float32(rng.uniform(*CHROMA)) * chroma
    if rng.random() < BRIGHTNESS_SHARE:
        field *= _by_brightness(planes, rng.uniform(*EXPONENT))
    return (planes + np.float32(sigma) * field).astype(np.float32, copy=False)


def _correlated(field: NDArray[np.float32], radius_px: float) -> NDArray[np.float32]:
    """Blur noise and restore its strength."""
    spectrum = gaussian(field.shape[1:], radius_px, radius_px, 0.0)
    blurred = np.fft.irfft2(np.fft.rfft2(field) * spectrum, field.shape[1:])
    blurred /= max(float(blurred.std()), 1e-6)
    return blurred.astype(np.float32, copy=False)


def _by_brightness(planes: Planes, exponent: float) -> NDArray[np.float32]:
    """Return a factor for each pixel: a power of its brightness, 1 in the midtones."""
    brightness = np.clip(planes.mean(axis=0, keepdims=True), 16, 255) / np.float32(128)
    factor: NDArray[np.float32] = np.power(brightness, np.float32(exponent))
    return factor
