"""Windows of photographs and their LR images: as archives hold them, as a camera saves, and clean.

Every random choice has a fixed seed, so that the numbers of different days compare.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from sr_core.imaging.codecs import jpeg_evidence
from sr_core.imaging.degradation import jpeg, shrink
from sr_core.imaging.evidence import JpegEvidence
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
    jpeg: JpegEvidence | None
    """Compression of the file that lr was read from, which auto looks at."""


Set = list[tuple[Levels, Levels, JpegEvidence | None]]
"""LR, HR and the compression of the LR file, for each photograph."""


def archive_windows(photographs: Sequence[Levels]) -> Set:
    """Degrade as archives are, with the seeds of the training's validation."""
    saved: list[tuple[Levels, int]] = []

    def save(pixels: Levels, quality: int, rng: np.random.Generator) -> Levels:
        saved.append((jpeg_save(pixels, quality, rng), quality))
        return saved[-1][0]

    # The degradation returns pixels alone; auto needs the quality of the file that they were in.
    jpeg_save = jpeg.save
    with patch.object(jpeg, "save", save):
        pairs = HeldOut.of(photographs, SCALE, "archive").pairs
    return [(lr, hr, _saved_as(lr, saved)) for lr, hr in pairs]


def _saved_as(lr: Levels, saved: Sequence[tuple[Levels, int]]) -> JpegEvidence | None:
    """Return the compression of LR if a JPEG was the last that happened to it."""
    quality = next((quality for levels, quality in saved if np.shares_memory(levels, lr)), None)
    return None if quality is None else JpegEvidence(quality, "4:2:0")


def camera_windows(photographs: Sequence[Levels]) -> Set:
    """Blur a little, shrink, add sensor noise and save as JPEG of quality 40 to 89."""
    found: Set = []
    for index, hr in enumerate(map(_centre, photographs)):
        file = _camera_file(hr, index)
        found.append((np.array(Image.open(file)), hr, jpeg_evidence(file.getvalue())))
    return found


def clean_windows(photographs: Sequence[Levels]) -> Set:
    """Shrink by antialiased bicubic."""
    rng = np.random.default_rng(0)  # bicubic draws nothing
    return [(shrink(hr, SCALE, "bicubic", rng), hr, None) for hr in map(_centre, photographs)]


SETS: dict[str, Callable[[Sequence[Levels]], Set]] = {
    "archive": archive_windows,
    "camera": camera_windows,
    "clean": clean_windows,
}


def open_set(name: str, files: Sequence[Path]) -> list[Window]:
    """Cut the centre of each photograph and make its LR by one of SETS."""
    made = SETS[name]([read(file) for file in files])
    return [
        Window(file.name, lr, hr, saved) for file, (lr, hr, saved) in zip(files, made, strict=True)
    ]


def read(file: Path) -> Levels:
    """Read a photograph as (H, W, 3)."""
    with Image.open(file) as image:
        return np.array(image.convert("RGB"))


def _centre(photograph: Levels) -> Levels:
    height, width = (min(WINDOW_PX, side) // SCALE * SCALE for side in photograph.shape[:2])
    top, left = (photograph.shape[0] - height) // 2, (photograph.shape[1] - width) // 2
    return photograph[top : top + height, left : left + width].copy()


def _camera_file(hr: Levels, index: int) -> io.BytesIO:
    rng = np.random.default_rng((_CAMERA_SEED, index))
    blurred = Image.fromarray(hr).filter(ImageFilter.GaussianBlur(rng.uniform(1, 3)))
    lr = shrink(np.asarray(blurred), SCALE, "bicubic", rng).astype(np.float32)
    strength = rng.uniform(4, 14)
    grey = rng.standard_normal((*lr.shape[:2], 1))
    noisy = lr + strength * (grey * 0.8 + rng.standard_normal(lr.shape) * 0.6)
    levels = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "JPEG", quality=int(rng.integers(40, 90)))
    return file
