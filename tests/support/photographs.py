"""Small real images for whole runs: smooth scenes in several sizes, as JPEG and PNG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def write_photographs(folder: Path, count: int, side: int = 24) -> list[str]:
    """Write `count` different images of about side x side pixels; return their keys, sorted."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = []
    for number in range(count):
        height, width = side + number % 5, side + number % 7
        y, x = np.mgrid[0:height, 0:width] / side * 6
        planes = [np.sin(x + number) * np.cos(y * (k + 1) / 2) for k in range(3)]
        pixels = ((np.stack(planes, -1) + 1) * 127).astype(np.uint8)
        key = f"{number:03d}.{'jpg' if number % 2 else 'png'}"
        Image.fromarray(pixels).save(folder / key)
        keys.append(key)
    return sorted(keys)
