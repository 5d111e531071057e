"""Peak memory of one actor, from small to very large sources: `python -m benchmarks.memory`.

Measures each source in its own process, through the real pipeline with the default budget, metrics
included. Prints Markdown. Sources are one of the samples, resized; with `--model bicubic` 200 MP
take minutes, with a network most of an hour.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.section import table
from jobs.cli.demo import SAMPLES
from jobs.upscale.memory import keep_large_on_disk, share_out
from sr_core.config import ExecutionConfig, JobConfig, RunConfig
from sr_core.engine.prepare import open_run
from sr_core.engine.rounds import plan_round, put_plan

if TYPE_CHECKING:
    from sr_core.engine.shard import ShardWorker

SOURCE_MEGAPIXELS = (0.1, 1.0, 12.0, 50.0)
COLUMNS = (
    "source, MP",
    "output, MP",
    "seconds",
    "s per output MP",
    "core s per output MP",
    "peak, MiB",
    "peak of the budget",
    "without file pages, MiB",
    "scratch files, MiB",
)


def main() -> None:
    """Measure each size in its own process, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megapixels", type=float, nargs="+", default=SOURCE_MEGAPIXELS)
    parser.add_argument("--model", default="bicubic")
    parser.add_argument("--format", default="png", choices=("png", "jpeg", "tiff", "jxl"))
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="put sources and outputs here")
    parser.add_argument("--one", type=Path, metavar="FOLDER", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        print(json.dumps(measure(options.one, options)))
        return
    budget = ExecutionConfig().memory_budget_mb
    print(f"{options.model} to {options.format}, a budget of {budget} MiB for one actor\n")
    print(table(COLUMNS, rows(options, budget)))


def rows(options: argparse.Namespace, budget: int) -> Iterator[tuple[str, ...]]:
    """Yield the row of each size: the fastest of several repeats."""
    passed = [
        "--model",
        options.model,
        "--format",
        options.format,
        "--precision",
        options.precision,
    ]
    # Ray sets these for an actor with one core; BLAS reads them when it loads.
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    for megapixels in options.megapixels:
        found = []
        for _ in range(options.repeats):
            with tempfile.TemporaryDirectory() as temporary:
                folder = Path(temporary)
                if options.keep is not None:
                    folder = options.keep / f"{megapixels:g}mp-{options.model}-{options.format}"
                write_source(folder / "source", megapixels)
                command = [sys.executable, "-m", "benchmarks.memory", "--one", str(folder), *passed]
                answer = subprocess.run(
                    command, check=True, stdout=subprocess.PIPE, text=True, env=environment
                )
                found.append(json.loads(answer.stdout))
                print(found[-1], file=sys.stderr, flush=True)
        best = min(found, key=lambda each: float(each["seconds"]))
        peak = max(each["peak"] for each in found)
        yield (
            f"{megapixels:g}",
            f"{best['output']:.1f}",
            f"{best['seconds']:.1f}",
            f"{best['seconds'] / best['output']:.3f}",
            f"{min(each['cpu'] for each in found) / best['output']:.3f}",
            f"{peak:.0f}",
            f"{peak / budget:.0%}",
            f"{max(each['anonymous'] for each in found):.0f}",
            f"{max(each['scratch'] for each in found):.0f}",
        )


def write_source(folder: Path, megapixels: float) -> None:
    """Write one enlarged sample as a JPEG, in its own process: its memory must not count."""
    height = round(math.sqrt(megapixels * 1e6 * 3 / 4))
    make = (
        "import sys; from PIL import Image; Image.MAX_IMAGE_PIXELS = None; "
        "image = Image.open(sys.argv[1]).resize((int(sys.argv[2]), int(sys.argv[3]))); "
        "image.save(sys.argv[4], quality=92)"
    )
    folder.mkdir(parents=True, exist_ok=True)
    size = (str(height * 4 // 3), str(height))
    name = folder / f"{megapixels:g}mp.jpg"
    sample = str(SAMPLES / "hr" / "osprey.jpg")
    subprocess.run([sys.executable, "-c", make, sample, *size, str(name)], check=True)


def measure(folder: Path, options: argparse.Namespace) -> dict[str, float]:
    """Upscale the images in folder/source; return seconds, output MP, and peaks in MiB."""
    worker = open_worker(folder / "source", folder / "out", options)
    with tempfile.TemporaryDirectory() as temporary:
        # Loading and preparing at an actor's first image happens only once.
        write_source(Path(temporary) / "source", 0.1)
        first = open_worker(Path(temporary) / "source", Path(temporary) / "out", options)
        first.process(0, 0, "first")
    with Peaks() as peaks:
        start, cpu = time.monotonic(), time.process_time()
        result = worker.process(0, 0, "bench")
        seconds, cpu = time.monotonic() - start, time.process_time() - cpu
    if set(result.statuses) != {"ok"}:
        raise RuntimeError(f"the photograph ended as {result}")
    output = result.output_megapixels
    return {"seconds": seconds, "cpu": cpu, "output": output, **peaks.found}


def open_worker(source: Path, output: Path, options: argparse.Namespace) -> ShardWorker:
    """Plan one folder's photographs, and create an actor's objects to work on them."""
    # Imported here: the process that prints the table needs no torch.
    from jobs.upscale.cores import limit_threads  # noqa: PLC0415
    from sr_core.engine.shard import ShardWorker  # noqa: PLC0415
    from sr_core.engine.stages import Stages  # noqa: PLC0415
    from sr_core.inference.upscaler import open_upscaler  # noqa: PLC0415

    limit_threads(1)
    run_config = RunConfig(model=options.model, format=options.format, precision=options.precision)
    job = JobConfig(source=str(source), output=str(output), run=run_config)
    run, manifest = open_run(job)
    if manifest is None:
        raise SystemExit(f"{output} holds a run already")
    put_plan(run, plan_round(run, manifest, 0, 1, lambda: 1.0))
    shares = share_out(job.execution)
    keep_large_on_disk(shares)
    upscaler = open_upscaler(
        options.model, precision=options.precision, memory_budget_bytes=shares.tiles
    )
    root = run.ledger.store
    stages = Stages(
        run.source.store,
        root,
        run.record.run_id,
        run.job.run,
        upscaler,
        deadline_s=60,
        checkpoints=run.checkpoints,
    )
    return ShardWorker(
        root,
        stages,
        io_threads=job.execution.io_threads,
        budget_megapixels=shares.megapixels,
        worker="bench",
    )


class Peaks:
    """Peaks of this process in MiB: resident memory, memory without file pages, and disk."""

    def __init__(self) -> None:
        self.found = {"peak": 0.0, "anonymous": 0.0, "scratch": 0.0}
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Peaks:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()
        self._note("peak", _status("VmHWM"))

    def _run(self) -> None:
        while not self._ends.wait(0.01):
            self._note("anonymous", _status("RssAnon"))
            self._note("scratch", sum(_unlinked_bytes()) / 2**20)

    def _note(self, name: str, value: float) -> None:
        self.found[name] = max(self.found[name], value)


def _status(name: str) -> float:
    """Return a size in MiB from the kernel's status of this process."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024


def _unlinked_bytes() -> Iterator[int]:
    """Yield the size on disk of each open file that has been unlinked."""
    for descriptor in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # closed meanwhile
            if os.readlink(f"/proc/self/fd/{descriptor}").endswith(" (deleted)"):
                yield os.stat(int(descriptor)).st_blocks * 512


if __name__ == "__main__":
    main()
