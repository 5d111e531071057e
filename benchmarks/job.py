"""The whole job against the bare generator and against its peers: `python -m benchmarks.job`.

The same photographs and weights on all sides, in turn. Bare: the network alone on float tiles in
memory, in as many actors of one core. Whole: fetch, decode, upscale, measure, encode, put, commit.
Peers: the script that people use, and a pipeline of Ray Data; they measure nothing. Starting Ray
and loading the network are left out on all sides.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import ray
from ray.util import ActorPool

from benchmarks.bare import MODEL, start_bare
from benchmarks.peers.run import run_peer
from benchmarks.photographs import write_photographs
from benchmarks.section import Section, ratios, run_alone, say, spread, table
from jobs.actors import SHARDS_PER_ACTOR
from jobs.cluster import choose_devices, connected
from jobs.prepare import OpenRun, open_run, plan_round, put_plan
from jobs.upscale import actor_factory
from sr_core.audit.checks import verify_run
from sr_core.config import ExecutionConfig, JobConfig, RunConfig

REPEATS = 3
MEGAPIXELS = 0.5
PHOTOGRAPHS_PER_ACTOR = 2
EXECUTION = ExecutionConfig(device="cpu")
STAGES = ("fetch", "decode", "upscale", "measure", "encode", "put")
BARE, PNG, JPEG, UNMEASURED = "bare", "png", "jpeg", "unmeasured"
PLAIN, RAY_DATA = "plain_script", "ray_data"
SIDES = {
    BARE: "bare generator",
    PNG: "whole job, PNG",
    JPEG: "whole job, JPEG",
    UNMEASURED: "whole job, PNG, without metrics",
    PLAIN: "plain script",
    RAY_DATA: "Ray Data",
}
JOBS = {
    PNG: RunConfig(model=MODEL, format="png"),
    JPEG: RunConfig(model=MODEL, format="jpeg"),
    UNMEASURED: RunConfig(model=MODEL, format="png", measure=False),
}


@dataclass(frozen=True, slots=True)
class Setting:
    """What all sides share."""

    folder: Path
    photographs: Path
    output_megapixels: float
    actors: int


def measure(quick: bool) -> Section:
    """Measure every side in turn, a few times, and say where the job's time goes."""
    with tempfile.TemporaryDirectory() as name, connected(EXECUTION):
        folder = Path(name)
        actors = choose_devices(EXECUTION).actors
        count = actors * PHOTOGRAPHS_PER_ACTOR
        each = write_photographs(folder / "photographs", count, 0.01 if quick else MEGAPIXELS)
        setting = Setting(folder, folder / "photographs", 16 * each * count, actors)
        rates, stages = run_sides(setting, 1 if quick else REPEATS)
    of_bare = {side: ratios(values, rates[BARE]) for side, values in rates.items()}
    rows = [
        [SIDES[side], spread(values), "1" if side == BARE else spread(of_bare[side])]
        for side, values in rates.items()
    ]
    text = (
        f"{count} photographs of {each:.2f} MP and the weights of `{MODEL}` on all sides; "
        f"{actors} actors of one core, the plain script one process with all cores; "
        "x4, so output is 16 times the megapixels. Loading and starting are left out on all "
        "sides.\n\n"
        + table(["", "output MP/s", "of bare"], rows)
        + "\nThe job against its peers, which measure nothing and keep no record:\n\n"
        + peers_table(rates)
        + "\nWhere the time of an image goes in the job with PNG. `measure` upscales the shrunk "
        "source once more and compares.\n\n" + stages
    )
    samples = {f"job.{side}": values for side, values in rates.items()}
    samples |= {f"job.{side}.of_bare": values for side, values in of_bare.items()}
    for peer in (PLAIN, RAY_DATA):
        samples |= {
            f"job.{side}.of_{peer}": ratios(rates[side], rates[peer]) for side in (PNG, UNMEASURED)
        }
    return Section("Whole job and peers", text, samples)


def run_sides(setting: Setting, repeats: int) -> tuple[dict[str, list[float]], str]:
    """Return output megapixels per second by side, one per repeat, and the last job's stages."""
    bare = start_bare(setting.photographs, EXECUTION, setting.actors)
    rates: dict[str, list[float]] = {side: [] for side in SIDES}
    stages = ""
    for repeat in range(repeats):
        for side, title in SIDES.items():
            say(f"{title}, repeat {repeat + 1} of {repeats}")
            root = setting.folder / side
            if side == BARE:
                rate = run_bare(bare, setting.photographs)
            elif side in JOBS:
                rate = run_job(setting.photographs, root, JOBS[side])
            else:
                seconds = run_peer(side, setting.photographs, root, MODEL, setting.actors)
                rate = setting.output_megapixels / seconds
            rates[side].append(rate)
            if side == PNG:
                stages = stages_table(root)
            shutil.rmtree(root, ignore_errors=True)
    return rates, stages


def run_bare(actors: list[Any], photographs: Path) -> float:
    """Share the photographs out over the actors, one at a time; returns megapixels per second."""
    names = sorted(path.name for path in photographs.iterdir())
    return timed(lambda: ActorPool(actors).map_unordered(lambda a, name: a.run.remote(name), names))


def run_job(source: Path, root: Path, config: RunConfig) -> float:
    """Run all shards of a new run, largest first; returns megapixels per second."""
    job = JobConfig(source=str(source), output=str(root), run=config, execution=EXECUTION)
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


def peers_table(rates: dict[str, list[float]]) -> str:
    """Compare the job with each peer, repeat by repeat."""
    return table(
        ["times as fast as", SIDES[PLAIN], SIDES[RAY_DATA]],
        [
            [SIDES[side], *(spread(ratios(rates[side], rates[peer])) for peer in (PLAIN, RAY_DATA))]
            for side in (PNG, UNMEASURED)
        ],
    )


def stages_table(root: Path) -> str:
    """Say where the time of the images goes; stages overlap, and share the cores."""
    rows = pq.read_table(root / "metrics")
    spent = {stage: pc.sum(rows.column(f"{stage}_ms")).as_py() for stage in STAGES}
    total = sum(spent.values())
    waited = pc.sum(rows.column("device_wait_ms")).as_py()
    shares = [[stage, f"{100 * taken / total:.1f} %"] for stage, taken in spent.items()]
    wait = f"{100 * waited / (waited + spent['upscale']):.1f} %"
    return table(["stage", "share"], shares) + f"\nThe device waited {wait} of its time.\n"


if __name__ == "__main__":
    run_alone(measure)
