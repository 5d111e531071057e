"""Cost of measuring relative to upscaling, on one core: `python -m benchmarks.measuring`.

Times PSNR and SSIM of one output, and the generator that made it, in turn. `python -m
benchmarks.metrics` times the metrics one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from benchmarks.bare import MODEL, run_tiles
from benchmarks.engines import open_engines, seconds_per_call
from benchmarks.machine import pin
from benchmarks.photographs import square
from benchmarks.section import Section, ratios, run_alone, say, spread, table
from sr_core.imaging.resample import resize_pixels
from sr_core.imaging.tensors import to_tensor
from sr_core.inference.upscaler import open_upscaler
from sr_core.metrics.reference import compare_y

REPEATS = 3
TILE_PX = 256
SCALE = 4


def measure(quick: bool) -> Section:
    """Measure PSNR and SSIM against every engine."""
    pin()
    repeats = 1 if quick else REPEATS
    upscalers = open_engines()
    times = time_beside(upscalers, repeats)
    metrics = times.pop("")
    used = open_upscaler(MODEL).engine
    rows = [
        [name, spread([1000 * each for each in taken], 0), percent(ratios(metrics, taken))]
        for name, taken in times.items()
    ]
    text = (
        f"PSNR-Y and SSIM-Y of an output take {spread([1000 * each for each in metrics], 1)} ms "
        "per megapixel. A job takes the fastest engine that is exact enough; the target is held "
        f"against it: {used}.\n\n"
        + table(["engine", "ms per output MP", "PSNR and SSIM, of that"], rows)
    )
    of_generator = ratios(metrics, times[used])
    return Section("Measuring beside upscaling", text, {"metrics.of_generator": of_generator})


def time_beside(upscalers: Mapping[str, Any], repeats: int) -> dict[str, list[float]]:
    """Return seconds per output megapixel of every engine, and of PSNR and SSIM as ""."""
    pixels = square(TILE_PX)
    lr = to_tensor(pixels).contiguous()
    hr = resize_pixels(pixels, TILE_PX * SCALE, TILE_PX * SCALE, "bicubic")
    sr = upscalers["torch"].upscale(pixels, *hr.shape[:2]).pixels
    megapixels = hr.shape[0] * hr.shape[1] / 1e6
    times: dict[str, list[float]] = {"": [], **{name: [] for name in upscalers}}
    with torch.inference_mode():
        for repeat in range(repeats):
            say(f"metrics beside {len(upscalers)} engines, repeat {repeat + 1} of {repeats}")
            times[""].append(seconds_per_call(lambda: compare_y(sr, hr, SCALE)) / megapixels)
            for name, upscaler in upscalers.items():
                if repeat == 0:
                    run_tiles(upscaler, lr)
                seconds = seconds_per_call(lambda upscaler=upscaler: run_tiles(upscaler, lr))
                times[name].append(seconds / megapixels)
    return times


def percent(shares: list[float]) -> str:
    """Format shares as percentages."""
    return f"{spread([100 * share for share in shares], 1)} %"


if __name__ == "__main__":
    run_alone(measure)
