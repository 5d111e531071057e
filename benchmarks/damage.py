"""Damaged copies of a small picture: JPEG of several qualities, noise, and all of it at once."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from sr_core.imaging.degradation import shrink

_QUALITIES = (95, 90, 85, 75, 60, 40)
_SAMPLINGS = {"4:4:4": 0, "4:2:0": 2}
_NOISES = (1.0, 2.0, 3.0, 5.0, 10.0)
_SCALE = 4
_PAGE_PX = 1024
_WORDS = "The quick brown fox jumps over the lazy dog, 1234567890 times in (1987)."

RGB = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Damaged:
    """A damaged picture, and its file if that is a JPEG."""

    kind: str
    pixels: RGB
    file: bytes | None


def damaged(lr: RGB, hr: RGB) -> Iterator[Damaged]:
    """Yield a clean picture with every kind of damage, itself first.

    Args:
        lr: (H, W, 3).
        hr: the picture that it was shrunk from, for blur.
    """
    yield Damaged("clean", lr, None)
    for name, sampling in _SAMPLINGS.items():
        for quality in _QUALITIES:
            yield _jpeg(f"JPEG {quality} {name}", lr, quality, sampling)
    for quality in (85, 60):
        file = _jpeg("", lr, quality, 2)
        yield Damaged(f"PNG of a JPEG {quality}", file.pixels, None)
        turned = _jpeg("", lr[3:, 5:], quality, 2)  # its grid begins elsewhere
        shifted = np.pad(turned.pixels, ((3, 0), (5, 0), (0, 0)), mode="reflect")
        yield Damaged(f"cropped PNG of a JPEG {quality}", shifted.astype(np.uint8), None)
    for sigma in _NOISES:
        yield Damaged(f"noise of {sigma:g} levels", _noisy(lr, sigma), None)
    yield Damaged("blur", _blurred(hr), None)
    for sigma, quality in ((2.0, 85), (5.0, 60)):
        kind = f"blur, noise of {sigma:g}, JPEG {quality}"
        yield _jpeg(kind, _noisy(_blurred(hr), sigma), quality, 2)


def print_page(size_px: int) -> RGB:
    """Return a page of print in letters of some size, (1024, 1024, 3)."""
    page = Image.new("RGB", (_PAGE_PX, _PAGE_PX), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(size_px)
    for number, top in enumerate(range(16, _PAGE_PX - size_px, size_px * 3 // 2)):
        words = _WORDS[number % 20 :] + " " + _WORDS * 2
        draw.text((20, top), words, fill=(20, 20, 24), font=font)
    return np.array(page)


def _jpeg(kind: str, pixels: RGB, quality: int, sampling: int) -> Damaged:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=sampling)
    with Image.open(file) as image:
        return Damaged(kind, np.array(image), file.getvalue())


def _noisy(pixels: RGB, sigma: float) -> RGB:
    noise = np.random.default_rng(1).normal(0, sigma, pixels.shape)
    noisy: RGB = np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)
    return noisy


def _blurred(hr: RGB) -> RGB:
    """Shrink a picture that is a little out of focus."""
    soft = np.array(Image.fromarray(hr).filter(ImageFilter.GaussianBlur(0.8 * _SCALE)))
    return shrink(soft, _SCALE, "bicubic", np.random.default_rng(0))
