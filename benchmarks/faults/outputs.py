"""Known-good outputs, upscaled once and kept in a folder: the slow part, which resumes.

`python -m benchmarks.faults.outputs FOLDER` upscales what is missing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.faults.pictures import Levels, Picture, photographs, wholes, windows
from benchmarks.section import say
from sr_core.inference.upscaler import open_upscaler

SCALE = 4
PRECISION = "int8"
MODELS = {"srgan": ("native", "half", "quarter", "grey"), "srgan-photo": (), "srresnet": ("half",)}
"""Kinds of windows that each model upscales; all if none is named."""
WHOLE_MODELS = ("srgan", "srgan-photo")


@dataclass(frozen=True, slots=True, eq=False)
class Output:
    """A known-good output of a model."""

    picture: Picture
    model: str
    sr: Levels


def path_of(folder: Path, model: str, picture: Picture) -> Path:
    """Return the file of an output."""
    return folder / f"{model}-{PRECISION}" / f"{picture.name}.npy"


def cached(folder: Path, model: str, pictures: Iterator[Picture]) -> Iterator[Output]:
    """Yield the outputs of a model that are in the folder."""
    for picture in pictures:
        path = path_of(folder, model, picture)
        if path.exists():
            yield Output(picture, model, np.load(path))


def main() -> None:
    """Upscale every picture that is not in the folder yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--wholes", type=int, default=0, help="whole photographs in place of windows"
    )
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    arguments = parser.parse_args()
    files = photographs()
    opened = {model: open_upscaler(model, precision=PRECISION) for model in arguments.models}
    count = 0
    pictures = (
        wholes(files[: arguments.wholes]) if arguments.wholes else windows(files, arguments.folder)
    )
    for picture in pictures:
        for model, upscaler in opened.items():
            path = path_of(arguments.folder, model, picture)
            wanted = arguments.wholes or not MODELS[model] or picture.kind in MODELS[model]
            if not wanted or path.exists():
                continue
            height, width = (side * SCALE for side in picture.lr.shape[:2])
            sr = upscaler.upscale(picture.lr, height, width).pixels
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.with_suffix(".part").open("wb") as file:
                np.save(file, sr)
            path.with_suffix(".part").rename(path)
            count += 1
            if count % 100 == 0:
                say(f"{count} outputs, now {picture.name}")


if __name__ == "__main__":
    main()
