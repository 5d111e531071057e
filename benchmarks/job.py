"""The whole job against the bare generator, on the same actors: `python -m benchmarks.job`.

One actor per core, the same photographs on both sides, in turn. Bare: the network alone on float
tiles in memory, results thrown away. Whole: fetch, decode, upscale, measure, encode, put, commit.
Starting Ray and loading the network are left out on both sides. Prints Markdown. Photographs:
SRFLEET_SHARED/data/val, shrunk to a quarter; without it the samples of the demo.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import ray
from PIL import Image
from ray.util import ActorPool

from jobs.actors import SHARDS_PER_ACTOR, limit_threads
from jobs.cluster import choose_devices, connected
from jobs.demo import SAMPLES
from jobs.prepare import OpenRun, open_run, plan_round, put_plan
from jobs.upscale import actor_factory
from sr_core.audit.checks import verify_run
from sr_core.config import ExecutionConfig, JobConfig, RunConfig

REPEATS = 3
PHOTOGRAPHS = 32
MODEL = "srresnet"
FORMATS = ("jpeg", "png")
EXECUTION = ExecutionConfig(device="cpu")
STAGES = ("fetch", "decode", "upscale", "measure", "encode", "put")


@ray.remote
class Bare:
    """An actor of the same size that does nothing but run the network."""

    def __init__(self, folder: str) -> None:
        from sr_core.imaging.tensors import to_tensor  # noqa: PLC0415 - torch, in the actor only
        from sr_core.inference.upscaler import open_upscaler  # noqa: PLC0415

        limit_threads(EXECUTION)
        self._upscaler: Any = open_upscaler(MODEL)
        self._tiles = {}
        for path in sorted(Path(folder).iterdir()):
            with Image.open(path) as image:
                self._tiles[path.name] = to_tensor(np.array(image.convert("RGB")))

    def run(self, name: str) -> float:
        """Run the network on a photograph, in the job's tiles; returns output megapixels."""
        from sr_core.inference.tiling import plan_tiles  # noqa: PLC0415
        from sr_core.models.generator import TAIL_REACH  # noqa: PLC0415

        engine, lr = self._upscaler._engine, self._tiles[name]
        height, width = lr.shape[-2:]
        features = engine.trunk(lr)
        for tile in plan_tiles(height, width, TAIL_REACH, self._upscaler.tail_px):
            rows, columns = tile.rows, tile.columns
            engine.tail(
                features[
                    ...,
                    rows.window_start : rows.window_stop,
                    columns.window_start : columns.window_stop,
                ]
            )
        return float(height * width * 16 / 1e6)


def main() -> None:
    """Print megapixels per second of both, their ratio, and where the time goes."""
    with tempfile.TemporaryDirectory() as folder, connected(EXECUTION):
        photographs = Path(folder) / "photographs"
        names = write_photographs(photographs)
        actors = choose_devices(EXECUTION).actors
        bare = [Bare.options(num_cpus=0).remote(str(photographs)) for _ in range(actors)]  # type: ignore[attr-defined]
        rates: dict[str, list[float]] = {name: [] for name in FORMATS}
        ratios: dict[str, list[float]] = {name: [] for name in FORMATS}
        loop = []
        for repeat in range(REPEATS):
            bare_rate = run_bare(bare, names)
            for output_format in FORMATS:
                root = Path(folder) / f"{output_format}-{repeat}"
                whole = run_job(photographs, root, output_format)
                rates[output_format].append(whole)
                ratios[output_format].append(whole / bare_rate)
            loop.append(bare_rate)
        print(f"{len(names)} photographs, {actors} actors of one core, {REPEATS} repeats, MP/s\n")
        print("| | median | least | most | of bare |\n| --- | --- | --- | --- | --- |")
        print(f"| bare generator | {spread(loop)} | 1 |")
        for output_format, measured in rates.items():
            share = statistics.median(ratios[output_format])
            print(f"| whole job, {output_format} | {spread(measured)} | {share:.3f} |")
        print_stages(Path(folder) / f"png-{REPEATS - 1}")


def write_photographs(folder: Path) -> list[str]:
    """Write the photographs to upscale; returns their names."""
    shared = Path(os.environ.get("SRFLEET_SHARED", "../shared")) / "data" / "val"
    found = sorted(shared.glob("*")) if shared.is_dir() else sorted((SAMPLES / "hr").glob("*"))
    folder.mkdir()
    for path in found[:PHOTOGRAPHS]:
        with Image.open(path) as image:
            image.convert("RGB").reduce(4).save(folder / f"{path.stem}.jpg", quality=92)
    return sorted(path.name for path in folder.iterdir())


def run_bare(actors: list[Any], names: list[str]) -> float:
    """Share the photographs out over the actors, one at a time; returns megapixels per second."""
    return timed(lambda: ActorPool(actors).map_unordered(lambda a, name: a.run.remote(name), names))


def run_job(source: Path, root: Path, output_format: str) -> float:
    """Run all shards of a new run, largest first; returns megapixels per second."""
    job = JobConfig(
        source=str(source),
        output=str(root),
        run=RunConfig(model=MODEL, format=output_format),  # type: ignore[arg-type]
        execution=EXECUTION,
    )
    run, manifest = open_run(job)
    put_plan(run, plan_round(run, manifest, 0, choose_devices(EXECUTION).actors, lambda: 1.0))
    actors = start_actors(run)
    slots = actors * SHARDS_PER_ACTOR
    shards = pc.unique(pq.read_table(root / "plan.parquet").column("shard")).to_pylist()
    rate = timed(
        lambda: (
            result.output_megapixels
            for result in ActorPool(slots).map_unordered(
                lambda actor, shard: actor.process.remote(0, shard, "bench"), shards
            )
        )
    )
    for actor in actors:
        ray.kill(actor)
    run.ledger.finish_round(0)
    if verify_run(run.ledger.store):
        raise RuntimeError(f"the run in {root} is not sound: {verify_run(run.ledger.store)}")
    return rate


def start_actors(run: OpenRun) -> list[Any]:
    """Start the job's own actors and warm them up."""
    devices = choose_devices(EXECUTION)
    make = actor_factory(run, devices.device)
    actors = [make() for _ in range(devices.actors)]
    ray.get([actor.start.remote() for actor in actors])  # type: ignore[attr-defined]
    return actors


def timed(megapixels: Callable[[], Any]) -> float:
    """Add up megapixels as they come; returns them per second."""
    start = time.perf_counter()
    total = sum(megapixels())
    return float(total / (time.perf_counter() - start))


def spread(values: list[float]) -> str:
    """Write median, least and most."""
    return f"{statistics.median(values):.3f} | {min(values):.3f} | {max(values):.3f}"


def print_stages(root: Path) -> None:
    """Print where the time of the images goes; stages overlap, and share the cores."""
    rows = pq.read_table(root / "metrics")
    spent = {stage: pc.sum(rows.column(f"{stage}_ms")).as_py() for stage in STAGES}
    total = sum(spent.values())
    print("\n| stage | share of the images' time |\n| --- | --- |")
    for stage, milliseconds in spent.items():
        print(f"| {stage} | {100 * milliseconds / total:.1f} % |")
    waited = pc.sum(rows.column("device_wait_ms")).as_py()
    print(f"\nthe device waited {100 * waited / (waited + spent['upscale']):.1f} % of its time")


if __name__ == "__main__":
    main()
