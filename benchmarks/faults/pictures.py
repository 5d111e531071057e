"""Source pictures of the experiment: windows of photographs and whole small photographs."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sr_core.imaging.degradation import shrink

Levels = NDArray[np.uint8]
WINDOW_PX = 64
"""Side of a window, in source pixels."""
WHOLE_PX = 288
"""Longest side of a whole photograph, in source pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A source picture: its name, kind, the format of its output, and (H, W, 3) pixels."""

    name: str
    photograph: str
    kind: str
    format: str
    lr: Levels


def photographs() -> list[Path]:
    """Return the shared photographs, shuffled by their names."""
    data = Path(os.environ.get("SRFLEET_SHARED", "../shared")) / "data"
    files = [file for part in ("train", "val") for file in (data / part).iterdir()]
    return sorted(files, key=lambda file: _number(file.name))


def is_measuring(photograph: str) -> bool:
    """Return True for photographs that measure; the others set the thresholds."""
    return _number(photograph) % 2 == 0


def windows(files: list[Path], folder: Path) -> Iterator[Picture]:
    """Cut one window of each kind from every photograph, or read those kept in a folder."""
    for file in files:
        kept = folder / "sources" / f"{file.stem}.npz"
        if kept.exists():
            with np.load(kept) as arrays:
                cut = {kind: arrays[kind] for kind in _WINDOWS}
        else:
            cut = _cut_windows(file)
            kept.parent.mkdir(parents=True, exist_ok=True)
            part = kept.with_suffix(f".{os.getpid()}.part.npz")
            np.savez(part, **cut)
            part.rename(kept)
        for kind, lr in cut.items():
            yield Picture(f"{file.stem}.{kind}", file.name, kind, _FORMATS[kind], lr)


def wholes(files: list[Path]) -> Iterator[Picture]:
    """Shrink every photograph as a whole, in turn clean and as archives hold it."""
    for index, file in enumerate(files):
        kind = tuple(_WHOLES)[index % len(_WHOLES)]
        rng = np.random.default_rng([_number(file.name), *kind.encode()])
        lr = _WHOLES[kind](_read(file), rng)
        yield Picture(f"{file.stem}.whole", file.name, kind, _FORMATS[kind], lr)


def as_jpeg(pixels: Levels, quality: int) -> Levels:
    """Encode as JPEG and decode again."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=0)
    return np.array(Image.open(file).convert("RGB"))


def _cut_windows(file: Path) -> dict[str, Levels]:
    hr, found = _read(file), {}
    for kind, make in _WINDOWS.items():
        rng = np.random.default_rng([_number(file.name), *kind.encode()])
        found[kind] = _cut(make(hr, rng), WINDOW_PX, rng)
    return found


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4])


def _read(file: Path) -> Levels:
    with Image.open(file) as image:
        return np.array(image.convert("RGB"))


def _cut(pixels: Levels, side_px: int, rng: np.random.Generator) -> Levels:
    height, width = pixels.shape[:2]
    top, left = rng.integers(0, height - side_px + 1), rng.integers(0, width - side_px + 1)
    return pixels[top : top + side_px, left : left + side_px].copy()


def _resized(pixels: Levels, longest_px: int) -> Levels:
    image = Image.fromarray(pixels)
    factor = longest_px / max(image.size)
    size = (round(image.width * factor), round(image.height * factor))
    return np.array(image.resize(size, Image.Resampling.BICUBIC))


def _grey_window(hr: Levels, rng: np.random.Generator) -> Levels:
    pixels = shrink(hr, 2, "bicubic", rng)
    return np.array(Image.fromarray(pixels).convert("L").convert("RGB"))


_WINDOWS: dict[str, Callable[[Levels, np.random.Generator], Levels]] = {
    "native": lambda hr, _: hr,
    "half": lambda hr, rng: shrink(hr, 2, "bicubic", rng),
    "quarter": lambda hr, rng: shrink(hr, 4, "bicubic", rng),
    "archive": lambda hr, rng: shrink(hr, 4, "archive", rng),
    "grey": _grey_window,
}
_WHOLES: dict[str, Callable[[Levels, np.random.Generator], Levels]] = {
    "clean": lambda hr, _: _resized(hr, WHOLE_PX),
    "camera": lambda hr, rng: as_jpeg(_resized(hr, WHOLE_PX), int(rng.integers(75, 96))),
    "archive": lambda hr, rng: shrink(_resized(hr, 4 * WHOLE_PX), 4, "archive", rng),
}
_FORMATS = {
    "native": "jpeg",
    "half": "png",
    "quarter": "png",
    "archive": "jpeg",
    "grey": "png",
    "clean": "png",
    "camera": "jpeg",
}
