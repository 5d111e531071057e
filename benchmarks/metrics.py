"""What the metrics cost on one core, what every upscaler scores: `python -m benchmarks.metrics`.

Prints Markdown. The scores need Set5 and Set14 (SRFLEET_SHARED, default ../shared).
"""

from __future__ import annotations

import math
import os
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from sr_core.imaging.pixels import Pixels
from sr_core.imaging.resample import resize_pixels
from sr_core.inference.upscaler import Upscaler, open_upscaler
from sr_core.metrics.blind import colour_drift, lr_psnr, sharpness_gain
from sr_core.metrics.reference import compare_y
from sr_core.metrics.suite import Measures, measure
from sr_core.models.catalogue import BASELINES, shipped_models

SCALE = 4
SOURCE_PX = (750, 1000)
REPEATS = 7
SHOWN = (
    "psnr_y_db",
    "ssim_y",
    "self_psnr_y_db",
    "lr_psnr_db",
    "colour_drift_delta_e",
    "sharpness_gain",
)


def main() -> None:
    """Print both tables."""
    torch.set_num_threads(1)
    print_costs()
    shared = Path(os.environ.get("SRFLEET_SHARED", "../shared")) / "data" / "bench"
    if shared.is_dir():
        print_scores(shared)
    else:
        print(f"no benchmark sets at {shared}: no scores")


def print_costs() -> None:
    """Time each metric: processor time, of which a busy machine takes little away."""
    rng = np.random.default_rng(0)
    source = rng.integers(0, 256, (*SOURCE_PX, 3), dtype=np.uint8)
    height, width = (side * SCALE for side in SOURCE_PX)
    output = resize_pixels(source, height, width, "bicubic")
    shrunk = resize_pixels(output, *SOURCE_PX, "bicubic")
    steps: dict[str, Callable[[], object]] = {
        "shrink the output": lambda: resize_pixels(output, *SOURCE_PX, "bicubic"),
        "lr_psnr_db": lambda: lr_psnr(shrunk, source),
        "colour_drift_delta_e": lambda: colour_drift(shrunk, source),
        "sharpness_gain": lambda: sharpness_gain(output, source),
        "psnr_y_db and ssim_y": lambda: compare_y(output, output, SCALE),
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(REPEATS):
        for name, step in steps.items():
            started = time.process_time()
            step()
            times[name].append((time.process_time() - started) * 1e3 / (height * width / 1e6))
    print(f"{width}x{height} px, one thread, {REPEATS} repeats, CPU ms per output megapixel\n")
    print("| step | median | least |\n| --- | --- | --- |")
    for name, taken in times.items():
        print(f"| {name} | {statistics.median(taken):.1f} | {min(taken):.1f} |")
    blind = [statistics.median(taken) for taken in times.values()][:4]
    print(f"| all without a reference | {sum(blind):.1f} | |")
    print(f"\npeak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB\n")


def print_scores(bench: Path) -> None:
    """Measure every upscaler at x4; means over each set, infinite values as inf."""
    print("| set | upscaler | " + " | ".join(SHOWN) + " |\n" + "| --- " * (len(SHOWN) + 2) + "|")
    for name in ("Set5", "Set14"):
        pairs = [
            (read(path), read(hr_path(path))) for path in sorted((bench / name).glob("LRx4/*"))
        ]
        for model in (*BASELINES, *shipped_models()):
            upscaler = open_upscaler(model)
            measures = [score(lr, hr, upscaler) for lr, hr in pairs]
            means = [mean([asdict(one)[column] for one in measures]) for column in SHOWN]
            print(f"| {name} | {model} | " + " | ".join(f"{m:.4f}" for m in means) + " |")


def score(lr: Pixels, hr: Pixels, upscaler: Upscaler) -> Measures:
    """Upscale and measure one image."""

    def upscale(pixels: Pixels) -> Pixels:
        height, width = pixels.shape[:2]
        return upscaler.upscale(pixels, height * SCALE, width * SCALE)

    return measure(lr, upscale(lr), upscale=upscale, scale=SCALE, reference=hr)


def mean(values: list[float | None]) -> float:
    """Average what is defined."""
    defined = [value for value in values if value is not None]
    return statistics.fmean(defined) if defined else math.nan


def hr_path(lr_path: Path) -> Path:
    """Where the reference of an LR file lies."""
    return lr_path.parent.parent / "HR" / lr_path.name


def read(path: Path) -> Pixels:
    """Read a file as (H, W, 1 or 3) uint8."""
    with Image.open(path) as image:
        pixels = np.asarray(image if image.mode == "L" else image.convert("RGB"))
    return pixels[..., None] if pixels.ndim == 2 else pixels


if __name__ == "__main__":
    main()
