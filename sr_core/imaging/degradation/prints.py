"""Aged tones of old prints, in HR too: an upscaler must not change tones and colours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

GREY_SHARE = 0.08
"""Share of black-and-white patches, which networks tint if they rarely see them."""
FADED_SHARE = 0.06
LOST_CONTRAST = 0.5
"""Largest part of the contrast that a faded print has lost."""
_TONES = np.array([[1.0, 0.86, 0.66], [1.0, 0.92, 0.8], [1.0, 1.0, 1.0], [0.9, 0.95, 1.0]])
"""White of prints: sepia, yellowed, neutral, bluish."""
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def age(hr: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Turn a share of patches (H, W, 3) to black and white, fade another; return the rest as is."""
    is_grey, is_faded = rng.random() < GREY_SHARE, rng.random() < FADED_SHARE
    if not (is_grey or is_faded):
        return hr
    levels = hr.astype(np.float32)
    if is_grey:
        levels = np.repeat((levels @ _LUMA)[..., None], 3, axis=2)
    if is_faded:
        black = rng.uniform(0, LOST_CONTRAST) * 128
        white = 255 - rng.uniform(0, LOST_CONTRAST) * 64
        tone = _TONES[rng.integers(len(_TONES))].astype(np.float32)
        levels = (np.float32(black) + levels * np.float32((white - black) / 255)) * tone
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)
