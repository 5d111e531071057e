"""How LR is made from HR photographs for training: plain bicubic, or as archives hold pictures."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from sr_core.imaging.resample import degrade
from sr_core.imaging.tensors import to_pixels, to_tensor

DEGRADATIONS = ("bicubic", "archive")
"""The first is the paper's, and the same each time; the second is drawn anew at every call."""

BLUR_LR_PX = 0.6
NOISE_LEVELS = 8.0
CHROMA_NOISE_SHARE = 1 / 3
JPEG_QUALITY = (50, 95)


def is_random(degradation: str) -> bool:
    """Say whether a degradation gives another LR at each call.

    Raises: ValueError if there is no such degradation.
    """
    if degradation not in DEGRADATIONS:
        raise ValueError(f"degradation is one of {', '.join(DEGRADATIONS)}, not {degradation}")
    return degradation == "archive"


def shrink(
    photograph: NDArray[np.uint8], scale: int, degradation: str, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Make LR from an HR photograph.

    "bicubic" is `resample.degrade`: what the paper trains on, and what benchmarks measure. A
    network that saw nothing else takes noise and JPEG blocks for texture and sharpens them.

    "archive" does to the photograph, in this order, what has happened to most stored pictures:

    - blur: round gaussian, standard deviation uniform in [0, 0.6] LR pixels: from a sharp lens to
      one that leaves 0.64 of the contrast at half the finest detail. BSRGAN goes to 0.7 at x4.
    - antialiased bicubic by `scale`.
    - noise: gaussian, standard deviation uniform in [0, 8] levels of 255, a film's or a small
      sensor's; Real-ESRGAN goes to 30, where a network learns to wipe out faint texture. It has
      one strength at every brightness: the shot noise of light I is sqrt(I), which the display
      gamma of 1 / 2.2 turns into I ** -0.05. The three colours share it (luma), and each has a
      third of it for itself (chroma), as cameras suppress coloured noise more.
    - JPEG: quality uniform in 50..95, with chroma at full or at half size, equally often. Both
      sources go down to 30, which pictures of the web have, and archives seldom.

    Left out of what the sources do: a second round of everything, uneven and rotated kernels, sinc
    ringing, resizing by random factors, and noise of raw sensors before demosaicing. They stand
    for pictures that were passed on many times, where an archive has the first copy.

    Args:
        photograph: (H, W, 3).
        scale: how many times smaller LR is; rows and columns beyond a multiple are cut off.
        degradation: one of DEGRADATIONS.
        rng: decides everything that is random; "bicubic" draws nothing.

    Returns:
        (H // scale, W // scale, 3).

    Raises: ValueError for another degradation, or a side shorter than scale.
    Source: arXiv 2107.10833 (Real-ESRGAN), section 3; arXiv 2103.14006 (BSRGAN), section 3.
    """
    if not is_random(degradation):
        return _bicubic(photograph, scale)
    image = Image.fromarray(photograph)
    blurred = image.filter(ImageFilter.GaussianBlur(rng.uniform(0, BLUR_LR_PX) * scale))
    lr = _bicubic(np.asarray(blurred), scale)
    return _compressed(_noisy(lr, rng), rng)


def _bicubic(photograph: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
    lr = to_pixels(degrade(to_tensor(photograph), scale), np.dtype(np.uint8))
    return lr.astype(np.uint8, copy=False)


def _noisy(lr: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    strength = np.float32(rng.uniform(0, NOISE_LEVELS))
    luma = rng.standard_normal((*lr.shape[:2], 1), np.float32)
    chroma = rng.standard_normal(lr.shape, np.float32)
    noise = strength * (luma + np.float32(CHROMA_NOISE_SHARE) * chroma)
    levels: NDArray[np.uint8] = np.clip(np.rint(lr + noise), 0, 255).astype(np.uint8)
    return levels


def _compressed(lr: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    quality = int(rng.integers(JPEG_QUALITY[0], JPEG_QUALITY[1], endpoint=True))
    subsampling = "4:2:0" if rng.integers(2) else "4:4:4"
    file = io.BytesIO()
    Image.fromarray(lr).save(file, "JPEG", quality=quality, subsampling=subsampling)
    with Image.open(file) as image:
        compressed: NDArray[np.uint8] = np.array(image)
    return compressed
