"""The photographs that benchmarks upscale: SRFLEET_SHARED/data/val, or the samples of the demo."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from jobs.cli.demo import SAMPLES


def photographs() -> list[Path]:
    """Return the available files in a fixed order."""
    shared = Path(os.environ.get("SRFLEET_SHARED", "../shared")) / "data" / "val"
    return sorted(shared.iterdir() if shared.is_dir() else (SAMPLES / "hr").iterdir())


def evenly(files: Sequence[Path], count: int | None) -> list[Path]:
    """Choose `count` evenly spaced files, or all."""
    if count is None:
        return list(files)
    picked = np.linspace(0, len(files) - 1, min(count, len(files)))
    return [files[int(index)] for index in picked]


def write_photographs(folder: Path, count: int, megapixels: float) -> float:
    """Write `count` evenly chosen photographs, cropped to 4:3 and resized to `megapixels`.

    All have the same size, so that no core waits at the end for one with a large photograph.

    Returns:
        The exact megapixels of each.
    """
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    size = (height * 4 // 3, height)
    found = photographs()
    folder.mkdir(parents=True)
    for number in range(count):
        path = found[number * len(found) // count]
        with Image.open(path) as image:
            upright = image if image.width >= image.height else image.transpose(Image.ROTATE_90)
            fitted = ImageOps.fit(upright.convert("RGB"), size, Image.Resampling.BICUBIC)
        fitted.save(folder / f"{number:02d}-{path.stem}.jpg", quality=92)
    return size[0] * size[1] / 1e6


def square(side_px: int, number: int = 4) -> NDArray[np.uint8]:
    """Return the centre of a photograph, (side, side, 3), enlarged if it is smaller."""
    found = photographs()
    with Image.open(found[number % len(found)]) as image:
        fitted = ImageOps.fit(image.convert("RGB"), (side_px, side_px), Image.Resampling.BICUBIC)
    return np.array(fitted)
