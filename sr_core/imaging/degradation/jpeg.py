"""JPEG compression with blocks that begin anywhere."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_BLOCK_PX = 16
"""Side of the largest unit of a JPEG, with chroma at half size."""
HALF_CHROMA_SHARE = 0.6
"""Share of 4:2:0, as most programs write; the rest is 4:4:4, the best quality of most cameras."""


def draw_quality(
    rng: np.random.Generator, least_likeliest_highest: tuple[float, float, float]
) -> int:
    """Draw a quality from a triangular distribution."""
    least, likeliest, highest = least_likeliest_highest
    return round(rng.triangular(least, likeliest, highest))


def save(pixels: NDArray[np.uint8], quality: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Save (H, W, 3) as JPEG, its first block cut at a random place, and read it back."""
    top, left = map(int, rng.integers(_BLOCK_PX, size=2))
    subsampling = "4:2:0" if rng.random() < HALF_CHROMA_SHARE else "4:4:4"
    padded = np.pad(pixels, ((top, 0), (left, 0), (0, 0)), "edge")
    file = io.BytesIO()
    Image.fromarray(padded).save(file, "JPEG", quality=quality, subsampling=subsampling)
    with Image.open(file) as image:
        return np.array(image)[top:, left:].copy()
