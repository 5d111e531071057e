"""What the metrics cost on one core: `python -m benchmarks.metrics` prints Markdown."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from sr_core.imaging.resample import resize_pixels
from sr_core.metrics.blind import colour_drift, lr_psnr, sharpness_gain
from sr_core.metrics.reference import compare_y

SCALE = 4
SOURCE_PX = (750, 1000)
REPEATS = 7


def main() -> None:
    """Time each metric: processor time, of which a busy machine takes little away."""
    torch.set_num_threads(1)
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


if __name__ == "__main__":
    main()
