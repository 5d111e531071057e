"""Cost of reading and cutting crops in a training: `python -m benchmarks.training [FOLDER]`.

Compares steps of SRResNet on one prepared batch with steps on crops cut meanwhile; then times the
loader alone. Prints Markdown.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import statistics
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import torch
from rich.console import Console
from torch import Tensor

from jobs.cli.demo import SAMPLES
from jobs.train.photographs import SourcePhotographs, open_photographs
from sr_core.imaging.degradation import DEGRADATIONS
from sr_core.training.data import Crops, prefetched
from sr_core.training.settings import Stage
from sr_core.training.trainer import Trainer
from sr_core.training.workers import Worker, mixed_precision

Batch = tuple[Tensor, Tensor]

SCALE = 4
WARM_UP = 3


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photographs", nargs="?", default=default_folder())
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--steps", type=int, default=10, help="of one timing")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--crop", type=int, default=96, help="side of HR crops, px")
    parser.add_argument("--memory-mb", type=int, default=4096)
    parser.add_argument("--compile", action="store_true")
    arguments = parser.parse_args()
    photographs = open_photographs(arguments.photographs, Console(stderr=True))
    print(
        f"{platform.machine()}, {torch.get_num_threads()} threads, {arguments.device}; batch of "
        f"{arguments.batch} crops of {arguments.crop} px, {len(photographs)} photographs, "
        f"medians of {arguments.repeats}\n"
    )
    print_loader(photographs, arguments)
    print_steps(photographs, arguments)


def default_folder() -> str:
    """Return the shared photographs, or the samples."""
    folder = Path(os.environ.get("SRFLEET_SHARED", "../shared")) / "data" / "train"
    return str(folder if folder.is_dir() else SAMPLES / "hr")


def print_steps(photographs: SourcePhotographs, arguments: argparse.Namespace) -> None:
    """Time steps with and without the loader, alternating, so that both see the same load."""
    device, size = torch.device(arguments.device), arguments.batch
    stage = Stage("srresnet", steps=1 << 30, batch_size=size, crop_px=arguments.crop)
    trainer = Trainer(
        stage,
        scale=SCALE,
        worker=Worker(device),
        autocast_dtype=mixed_precision("auto", device),
        compiled=arguments.compile,
    )
    bare, loaded = [], []
    with crops_of(photographs, "bicubic", arguments) as crops:
        ready = crops.batch(0, size)
        for repeat in range(arguments.repeats):
            bare.append(timed(trainer, itertools.repeat(ready), arguments.steps))
            start = repeat * (arguments.steps + WARM_UP)
            with closing(prefetched(crops, start, 1 << 30, size)) as batches:
                loaded.append(timed(trainer, batches, arguments.steps))
    print("| step | steps/s | CPU s a step |\n| --- | --- | --- |")
    for name, times in (("bare", bare), ("with the loader", loaded)):
        wall, cpu = (statistics.median(column) for column in zip(*times, strict=True))
        print(f"| {name} | {1 / wall:.3g} | {cpu:.3f} |")
    pairs = list(zip(loaded, bare, strict=True))
    wall, cpu = (statistics.median(one[i] / other[i] for one, other in pairs) for i in (0, 1))
    print(
        f"\nwith the loader / bare, median of pairs: {wall:.3f} of the time, {cpu:.3f} of CPU time"
    )


def timed(trainer: Trainer, batches: Iterable[Batch], steps: int) -> tuple[float, float]:
    """Return wall and CPU seconds per step; the first few are not timed."""
    results = trainer.train(batches)
    take(results, WARM_UP, trainer.worker.device)
    started, cpu_started = time.perf_counter(), time.process_time()
    take(results, steps, trainer.worker.device)
    return (
        (time.perf_counter() - started) / steps,
        (time.process_time() - cpu_started) / steps,
    )


def take(results: Iterator[object], steps: int, device: torch.device) -> None:
    """Run some steps and wait for the device."""
    for _ in itertools.islice(results, steps):
        pass
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def print_loader(photographs: SourcePhotographs, arguments: argparse.Namespace) -> None:
    """Time the first batch, which reads the photographs, and then batches without steps."""
    megapixels = sum(height * width for height, width in photographs.sizes) / 1e6
    size, repeats = arguments.batch, range(arguments.repeats)
    print("| reading, degradation | s | CPU ms/MP |\n| --- | --- | --- |")
    for degradation in reversed(DEGRADATIONS):
        with crops_of(photographs, degradation, arguments) as crops:
            wall, cpu = timed_batches(crops, range(1), size)
            print(f"| {degradation} | {wall:.1f} | {1e3 * cpu / megapixels:.1f} |")
            # For "bicubic" alone, when nothing is read meanwhile.
            times = [timed_batches(crops, range(100 * n, 100 * n + 100), size) for n in repeats]
    wall, cpu = (statistics.median(column) for column in zip(*times, strict=True))
    print(f"\nloader alone: {size / wall:.0f} crops/s, {1e3 * cpu:.2f} CPU ms a batch\n")


def timed_batches(crops: Crops, steps: range, size: int) -> tuple[float, float]:
    """Return wall and CPU seconds per batch."""
    started, cpu_started = time.perf_counter(), time.process_time()
    for step in steps:
        crops.batch(step, size)
    return (
        (time.perf_counter() - started) / len(steps),
        (time.process_time() - cpu_started) / len(steps),
    )


def crops_of(
    photographs: SourcePhotographs, degradation: str, arguments: argparse.Namespace
) -> Crops:
    """Return the loader of a training."""
    return Crops(
        photographs,
        scale=SCALE,
        crop_px=arguments.crop,
        degradation=degradation,
        seed=0,
        memory_budget_bytes=arguments.memory_mb << 20,
    )


if __name__ == "__main__":
    main()
