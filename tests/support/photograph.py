"""A synthetic photograph: colours that vary on all scales, away from black and white."""

from __future__ import annotations

import numpy as np
from PIL import Image

from sr_core.imaging.pixels import Pixels


def photograph(
    height: int,
    width: int,
    channels: int = 3,
    dtype: type[np.uint8] | type[np.uint16] = np.uint8,
    seed: int = 0,
) -> Pixels:
    """Sum noise of decreasing grain size and strength, within 0.15 to 0.85 of full range."""
    rng = np.random.default_rng(seed)
    image = np.zeros((height, width, channels))
    for octave in range(2, 7):
        for channel in range(channels):
            noise = rng.normal(size=(1 << octave, 1 << octave)).astype(np.float32)
            smooth = Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)
            image[..., channel] += np.asarray(smooth) / (1 << octave)
    image -= image.min()
    share = 0.15 + 0.7 * image / max(image.max(), 1e-6)
    return np.rint(share * np.iinfo(dtype).max).astype(dtype)
