"""The bare generator on one core, by engine and tile size: `python -m benchmarks.engines`.

Every engine runs a tile as the job does, trunk and tail, on float32 in memory. The baseline is the
paper's network as the usual scripts run it. All engines and the peak of the core are measured in
turn; ratios are between measurements of the same repeat.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import mean, median
from typing import Any

import torch
from torch import Tensor

from benchmarks.bare import MODEL, run_tiles
from benchmarks.machine import SIDES, peak, pin, single_precision
from benchmarks.peers.network import load_paper_network
from benchmarks.photographs import square
from benchmarks.section import Section, ratios, run_alone, say, spread, table
from sr_core.errors import ConfigurationError
from sr_core.imaging.resample import resize_pixels
from sr_core.imaging.tensors import to_tensor
from sr_core.inference.engines import usable_engines
from sr_core.inference.upscaled import Upscaler
from sr_core.inference.upscaler import open_upscaler
from sr_core.metrics.reference import psnr_y
from sr_core.records import Precision

REPEATS = 3
TILES_PX = (64, 128, 192, 256)
QUICK_TILES_PX = (64, 256)
ACCURACY_PX = 128
PHOTOGRAPHS = 8
SCALE = 4
FLOP_PER_LR_PX = 4_436_352
EAGER = "eager"
PRECISIONS: dict[str, Precision] = {
    "torch": "float32",
    "openvino": "float32",
    "openvino-bf16": "half",
    "openvino-int8": "int8",
}
_AT_LEAST_S = 0.8


@dataclass(slots=True)
class Timing:
    """Measurements of one engine at one tile size, one number per repeat."""

    rate: list[float] = field(default_factory=list)
    """Output megapixels per second."""
    of_peak: list[float] = field(default_factory=list)


Timings = dict[tuple[str, int], Timing]


def measure(quick: bool) -> Section:
    """Measure the engines of this machine: speed, and difference from the reference."""
    pin()
    tiles = QUICK_TILES_PX if quick else TILES_PX
    photographs = 1 if quick else PHOTOGRAPHS
    upscalers = open_engines()
    network = load_paper_network(MODEL)
    runs: dict[str, Callable[[Tensor], object]] = {EAGER: network}
    for name, upscaler in upscalers.items():
        runs[name] = lambda lr, upscaler=upscaler: run_tiles(upscaler, lr)
    with torch.inference_mode():
        timings = time_engines(runs, tiles, 1 if quick else REPEATS)
        accuracy = [
            [name, *differences(upscaler._engine, network, photographs)]
            for name, upscaler in upscalers.items()
        ]
    text = (
        f"`{MODEL}`, x4, one core, one thread. Of peak: {FLOP_PER_LR_PX:,} operations per LR pixel "
        "against the fastest float32 matrix product of the same core in the same repeat; what "
        "computes in less than float32 can exceed it. `eager` is the paper's network in torch, "
        "NCHW, in one piece.\n\n"
        + timings_table(timings)
        + f"\nAgainst the plain network in float32, on {photographs} photographs of "
        f"{ACCURACY_PX * SCALE}x{ACCURACY_PX * SCALE} pixels that were shrunk for it; values are "
        "in [0, 1]. The loss is that of PSNR-Y against the photographs themselves.\n\n"
        + table(["engine", "largest difference", "PSNR between, dB", "loss, dB"], accuracy)
    )
    return Section("Engines", text, samples_of(timings))


def open_engines() -> dict[str, Any]:
    """Return an upscaler for each engine that this machine and these weights support, slow first.

    openvino-int8 is not among the usable ones, as it must be asked for.
    """
    upscalers: dict[str, Any] = {}
    for name in (*reversed(usable_engines("cpu")), "openvino-int8"):
        try:
            upscalers[name] = open_with(MODEL, name)
        except ConfigurationError as error:
            say(f"without {name}: {error}")
    return upscalers


def open_with(model: str, engine: str) -> Upscaler:
    """Return the upscaler of a model with one of `ENGINES`, on the CPU.

    Raises: ConfigurationError if this machine would compute with another.
    """
    library = engine.partition("-")[0]
    upscaler = open_upscaler(model, precision=PRECISIONS[engine], engine=library)
    if upscaler.engine != engine:
        raise ConfigurationError(f"this machine computes with {upscaler.engine} in its place")
    return upscaler


def time_engines(
    runs: dict[str, Callable[[Tensor], object]], tiles: Sequence[int], repeats: int
) -> Timings:
    """Time every engine with every tile, in turn."""
    timings: Timings = {(name, tile): Timing() for tile in tiles for name in runs}
    products = [single_precision(side) for side in SIDES]
    for repeat in range(repeats):
        for tile in tiles:
            say(f"tiles of {tile} px, repeat {repeat + 1} of {repeats}")
            lr = to_tensor(square(tile)).contiguous()
            top = peak(products)
            for name, run in runs.items():
                if repeat == 0 and (name != EAGER or tile == tiles[0]):
                    run(lr)  # OpenVINO chooses its kernels at the first use of a size
                seconds = seconds_per_call(lambda run=run, lr=lr: run(lr))
                timing = timings[name, tile]
                timing.rate.append(tile * tile * 16 / 1e6 / seconds)
                timing.of_peak.append(FLOP_PER_LR_PX * tile * tile / seconds / top)
    return timings


def seconds_per_call(work: Callable[[], object]) -> float:
    """Return the median time of the calls that fit into a short time, at least one."""
    taken: list[float] = []
    while sum(taken) < _AT_LEAST_S:
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return median(taken)


def differences(engine: Any, network: torch.nn.Module, photographs: int) -> tuple[str, ...]:
    """Compare an engine with the network on shrunk photographs.

    Returns:
        Largest difference; PSNR between both in dB; what the PSNR-Y against the photographs loses.
    """
    largest, squares, losses = 0.0, [], []
    for number in range(photographs):
        hr = square(ACCURACY_PX * SCALE, 2 * number)
        lr = to_tensor(resize_pixels(hr, ACCURACY_PX, ACCURACY_PX, "bicubic")).contiguous()
        found = engine.tail(engine.trunk(lr)).clamp(0, 1)
        wanted, truth = network(lr).clamp(0, 1), to_tensor(hr)
        error = (found - wanted).double()
        largest = max(largest, float(error.abs().max()))
        squares.append(float(error.square().mean()))
        losses.append(psnr_y(wanted, truth, SCALE) - psnr_y(found, truth, SCALE))
    between = -10 * math.log10(max(mean(squares), 1e-20))
    return f"{largest:.1e}", f"{between:.1f}", f"{mean(losses):.4f}"


def timings_table(timings: Timings) -> str:
    """Return one line per engine and tile."""
    rows = [
        [
            str(tile),
            name,
            spread(timing.rate, 3),
            spread(times_eager(timings, name, tile)),
            spread([100 * share for share in timing.of_peak], 0),
        ]
        for (name, tile), timing in timings.items()
    ]
    return table(["tile, px", "engine", "output MP/s", "times eager", "% of peak"], rows)


def times_eager(timings: Timings, name: str, tile: int) -> list[float]:
    """Return an engine's speed relative to eager."""
    return ratios(timings[name, tile].rate, timings[EAGER, tile].rate)


def samples_of(timings: Timings) -> dict[str, list[float]]:
    """Return the numbers for the other sections, by name."""
    samples = {}
    for (name, tile), timing in timings.items():
        key = f"engines.{name}.{tile}"
        samples[f"{key}.rate"] = timing.rate
        samples[f"{key}.of_peak"] = timing.of_peak
        samples[f"{key}.of_eager"] = times_eager(timings, name, tile)
    return samples


if __name__ == "__main__":
    run_alone(measure)
