"""Cost of each metric on one core: `python -m benchmarks.metrics`.

In processor time, which a busy machine affects little. The output is an x4 enlargement with noise.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Mapping

import numpy as np

from benchmarks.machine import pin
from benchmarks.photographs import square
from benchmarks.section import Section, run_alone, say, spread, table
from sr_core.imaging.pixels import Pixels
from sr_core.imaging.resample import resize_pixels
from sr_core.metrics.blind import colour_drift, lr_psnr, sharpness_gain
from sr_core.metrics.reference import compare_y
from sr_core.metrics.suite import measure as measure_image
from sr_core.metrics.trust import measure_trust

SCALE = 4
SOURCE_PX = 1000
REPEATS = 7
COMPARED = "psnr_y_db and ssim_y"
ALL = "all without a reference"


def measure(quick: bool) -> Section:
    """Time each metric of an output, in turn."""
    pin()
    side_px, repeats = (100, 1) if quick else (SOURCE_PX, REPEATS)
    kinds = pictures(side_px)
    times = {kind: milliseconds(*pair, repeats) for kind, pair in kinds.items()}
    rows = [
        [step, *(spread(by_step[step], 1) for by_step in times.values())]
        for step in next(iter(times.values()))
    ]
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    text = (
        f"One thread, {side_px * SCALE}x{side_px * SCALE} px, {repeats} repeats: milliseconds of "
        "processor time per output megapixel, the median with the least and the most.\n\n"
        + table(["step", *times], rows)
        + f"\nPeak memory {peak_mib:.0f} MiB, images and libraries included.\n"
    )
    photograph = next(iter(times.values()))
    samples = {"metrics.compared": photograph[COMPARED], "metrics.all": photograph[ALL]}
    return Section("Metrics one by one", text, samples)


def pictures(side_px: int) -> dict[str, tuple[Pixels, Pixels]]:
    """Return source and output for every kind of pixels with its own code path."""
    source: Pixels = square(side_px)
    output = resize_pixels(source, side_px * SCALE, side_px * SCALE, "bicubic")
    # Bicubic compared with bicubic would be a special case.
    output ^= np.random.default_rng(0).integers(0, 4, output.shape, np.uint8)
    pair = source, output
    return {
        "8 bits": pair,
        "8 bits, grey": (source[..., 1:2].copy(), output[..., 1:2].copy()),
        "16 bits": (source.astype(np.uint16) * 257, output.astype(np.uint16) * 257),
    }


def milliseconds(source: Pixels, output: Pixels, repeats: int) -> dict[str, list[float]]:
    """Return processor milliseconds per output megapixel of each step, one per repeat."""
    size = output.shape[:2]
    shrunk = resize_pixels(output, *source.shape[:2], "bicubic")
    other = resize_pixels(source, *size, "bicubic")

    def upscale(lr: Pixels) -> Pixels:
        return other[: lr.shape[0] * SCALE, : lr.shape[1] * SCALE]

    steps: Mapping[str, Callable[[], object]] = {
        COMPARED: lambda: compare_y(output, other, SCALE),
        "shrink the output": lambda: resize_pixels(output, *source.shape[:2], "bicubic"),
        "lr_psnr_db": lambda: lr_psnr(shrunk, source),
        "colour_drift_delta_e": lambda: colour_drift(shrunk, source),
        "sharpness_gain": lambda: sharpness_gain(output, source),
        "measures of trust": lambda: measure_trust(source, shrunk, output),
        ALL: lambda: measure_image(source, output, upscale=None, scale=SCALE, reference=None),
        "with self_, but upscaling": lambda: measure_image(
            source, output, upscale=upscale, scale=SCALE, reference=None
        ),
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    for repeat in range(repeats + 1):
        say(f"metrics of {source.dtype} x {source.shape[2]}, repeat {repeat} of {repeats}")
        for name, step in steps.items():
            started = time.process_time()
            step()
            taken = (time.process_time() - started) * 1e3 / (size[0] * size[1] / 1e6)
            if repeat:  # the first one warms up
                times[name].append(taken)
    return times


if __name__ == "__main__":
    run_alone(measure)
