"""Models on degraded photographs, beside Real-ESRGAN: `python -m benchmarks.degraded [FOLDER]`.

The centre of each photograph is degraded as archives are, with fixed seeds, and upscaled by each
model: PSNR-Y, SSIM-Y and LPIPS against the photograph, and the time on this process's cores.
Real-ESRGAN takes part if it is installed; benchmarks/peers/real_esrgan.py says how.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console

from benchmarks.peers.real_esrgan import NAME, SCALE, RealESRGAN
from benchmarks.photographs import photographs
from benchmarks.section import table
from jobs.train.weights import open_lpips
from sr_core.evaluation.scores import Scores, mean_scores, score
from sr_core.imaging.degradation import DEGRADATIONS
from sr_core.inference.upscaler import open_upscaler
from sr_core.metrics.lpips import LPIPS
from sr_core.models.catalogue import shipped_models
from sr_core.training.validation import HeldOut

Upscale = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class Result:
    """Mean scores of a model, and its seconds per output megapixel."""

    model: str
    scores: Scores
    seconds_per_megapixel: float


def main() -> None:
    """Print one line per model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "folder", type=Path, nargs="?", help="photographs; default: the shared ones"
    )
    parser.add_argument("--degradation", choices=DEGRADATIONS, default=DEGRADATIONS[-1])
    parser.add_argument("--count", type=int, default=12, help="photographs, evenly chosen")
    parser.add_argument("--models", nargs="+", default=["bicubic", *shipped_models()])
    arguments = parser.parse_args()
    files = sorted(arguments.folder.iterdir()) if arguments.folder else photographs()
    chosen = [files[index] for index in np.linspace(0, len(files) - 1, arguments.count).astype(int)]
    held_out = HeldOut.of(map(_read, chosen), SCALE, arguments.degradation)
    lpips = open_lpips(None, Console(stderr=True))
    results = [_measure(name, _upscaler(name), held_out, lpips) for name in arguments.models]
    if peer := RealESRGAN.installed():
        results.append(_measure(NAME, peer.upscale, held_out, lpips))
    print(f"{len(held_out.pairs)} windows, {arguments.degradation}\n\n{results_table(results)}")


def results_table(results: Iterable[Result]) -> str:
    """Return a Markdown table, one line per model."""
    headings = ["model", "PSNR-Y dB", "SSIM-Y", "LPIPS", "s per MP"]
    rows = [
        [
            each.model,
            f"{each.scores.psnr_y_db:.2f}",
            f"{each.scores.ssim_y:.3f}",
            "–" if each.scores.lpips_alex is None else f"{each.scores.lpips_alex:.3f}",
            f"{each.seconds_per_megapixel:.1f}",
        ]
        for each in results
    ]
    return table(headings, rows)


def _upscaler(name: str) -> Upscale:
    upscaler = open_upscaler(name)

    def upscale(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        height, width = (SCALE * side for side in pixels.shape[:2])
        return upscaler.upscale(pixels, height, width).pixels.astype(np.uint8, copy=False)

    return upscale


def _measure(model: str, upscale: Upscale, held_out: HeldOut, lpips: LPIPS | None) -> Result:
    upscale(held_out.pairs[0][0])  # warm up
    scores, seconds, pixels = [], 0.0, 0
    for lr, hr in held_out.pairs:
        start = time.perf_counter()
        sr = upscale(lr)
        seconds += time.perf_counter() - start
        pixels += hr.shape[0] * hr.shape[1]
        scores.append(score(sr, hr, SCALE, lpips))
    return Result(model, mean_scores(scores), seconds * 1e6 / pixels)


def _read(file: Path) -> NDArray[np.uint8]:
    with Image.open(file) as image:
        return np.array(image.convert("RGB"))


if __name__ == "__main__":
    main()
