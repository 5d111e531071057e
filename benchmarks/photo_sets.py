"""Windows of photographs and their LR images: as archives hold them, as a camera saves, and clean.

Every random choice has a fixed seed, so that the numbers of different days compare.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from sr_core.imaging.degradation import shrink
from sr_core.training.validation import HeldOut

SCALE = 4
WINDOW_PX = 256
_CAMERA_SEED = 77

Levels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """The centre of a photograph: (H, W, 3) hr, and its lr."""

    photograph: str
    lr: Levels
    hr: Levels


def archive_windows(photographs: Sequence[Levels]) -> list[tuple[Levels, Levels]]:
    """Degrade as archives are, with the seeds of the training's validation."""
    return list(HeldOut.of(photographs, SCALE, "archive").pairs)


def camera_windows(photographs: Sequence[Levels]) -> list[tuple[Levels, Levels]]:
    """Blur a little, shrink, add sensor noise and save as JPEG of quality 40 to 89."""
    return [(_as_a_camera(hr, index), hr) for index, hr in enumerate(map(_centre, photographs))]


def clean_windows(photographs: Sequence[Levels]) -> list[tuple[Levels, Levels]]:
    """Shrink by antialiased bicubic."""
    rng = np.random.default_rng(0)  # bicubic draws nothing
    return [(shrink(hr, SCALE, "bicubic", rng), hr) for hr in map(_centre, photographs)]


SETS: dict[str, Callable[[Sequence[Levels]], list[tuple[Levels, Levels]]]] = {
    "archive": archive_windows,
    "camera": camera_windows,
    "clean": clean_windows,
}


def open_set(name: str, files: Sequence[Path]) -> list[Window]:
    """Cut the centre of each photograph and make its LR by one of SETS."""
    pairs = SETS[name]([read(file) for file in files])
    return [Window(file.name, lr, hr) for file, (lr, hr) in zip(files, pairs, strict=True)]


def read(file: Path) -> Levels:
    """Read a photograph as (H, W, 3)."""
    with Image.open(file) as image:
        return np.array(image.convert("RGB"))


def _centre(photograph: Levels) -> Levels:
    height, width = (min(WINDOW_PX, side) // SCALE * SCALE for side in photograph.shape[:2])
    top, left = (photograph.shape[0] - height) // 2, (photograph.shape[1] - width) // 2
    return photograph[top : top + height, left : left + width].copy()


def _as_a_camera(hr: Levels, index: int) -> Levels:
    rng = np.random.default_rng((_CAMERA_SEED, index))
    blurred = Image.fromarray(hr).filter(ImageFilter.GaussianBlur(rng.uniform(1, 3)))
    lr = shrink(np.asarray(blurred), SCALE, "bicubic", rng).astype(np.float32)
    strength = rng.uniform(4, 14)
    grey = rng.standard_normal((*lr.shape[:2], 1))
    noisy = lr + strength * (grey * 0.8 + rng.standard_normal(lr.shape) * 0.6)
    levels = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "JPEG", quality=int(rng.integers(40, 90)))
    return np.array(Image.open(file))
