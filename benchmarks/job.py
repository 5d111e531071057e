"""The whole job against the bare generator and against its peers: `python -m benchmarks.job`.

All sides get the same photographs and weights, in turn. Bare: the network alone on float tiles in
memory, in the same number of actors with one core. Whole: fetch, decode, upscale, measure, encode,
put, commit. Peers: the usual script and a Ray Data pipeline, which measure nothing; they take
longest and are repeated less. Starting Ray and loading the network are not timed.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import ray
from ray.util import ActorPool

from benchmarks.bare import MODEL, run_bare, timed
from benchmarks.peers.run import run_peer
from benchmarks.photographs import write_photographs
from benchmarks.section import Section, ratios, run_alone, say, spread, table
from jobs.cluster.connect import choose_devices, connected
from jobs.upscale.actors import SHARDS_PER_ACTOR
from jobs.upscale.proxy import actor_factory
from jobs.upscale.speed import fleet_precision
from sr_core.audit.verify.checks import verify_run
from sr_core.config import ExecutionConfig, JobConfig, RunConfig
from sr_core.engine.prepare import decide_precision, open_run
from sr_core.engine.rounds import plan_round, put_plan
from sr_core.inference.upscaler import open_upscaler

REPEATS = 5
PEERS_REPEATS = 3
MEGAPIXELS = 0.4
PHOTOGRAPHS_PER_ACTOR = 2
EXECUTION = ExecutionConfig(device="cpu")
STAGES = ("fetch", "decode", "upscale", "measure", "encode", "put")
BARE, PNG, JPEG, UNMEASURED, FLOAT32 = "bare", "png", "jpeg", "unmeasured", "float32"
PLAIN, RAY_DATA = "plain_script", "ray_data"
PEERS = (PLAIN, RAY_DATA)
OURS = (PNG, UNMEASURED, FLOAT32)
SIDES = {
    BARE: "bare generator",
    PNG: "whole job, PNG",
    JPEG: "whole job, JPEG",
    UNMEASURED: "whole job, PNG, without metrics",
    FLOAT32: "whole job, PNG, float32",
    PLAIN: "plain script",
    RAY_DATA: "Ray Data",
}
FLOAT32_ENGINE = "openvino"
_PNG = RunConfig(model=MODEL, format="png")
JOBS = {
    PNG: (_PNG, EXECUTION),
    JPEG: (RunConfig(model=MODEL, format="jpeg"), EXECUTION),
    UNMEASURED: (RunConfig(model=MODEL, format="png", measure=False), EXECUTION),
    FLOAT32: (RunConfig(model=MODEL, format="png", precision="float32"), EXECUTION),
}


@dataclass(frozen=True, slots=True)
class Setting:
    """Input and resources, the same for all sides."""

    folder: Path
    photographs: Path
    megapixels: float
    """Megapixels of all outputs together."""
    actors: int


def measure(quick: bool) -> Section:
    """Measure every side in turn, a few times, and break down the job's time."""
    engine = open_upscaler(MODEL).engine  # the default of a job
    # The peers compute in float32; if the job does not, it is measured in float32 too.
    reduced = engine not in {"torch", FLOAT32_ENGINE}
    sides = {side: title for side, title in SIDES.items() if reduced or side != FLOAT32}
    with tempfile.TemporaryDirectory() as name, connected(EXECUTION):
        folder = Path(name)
        actors = choose_devices(EXECUTION).actors
        count = actors * PHOTOGRAPHS_PER_ACTOR
        photographs = folder / "photographs"
        each = write_photographs(photographs, count, 0.01 if quick else MEGAPIXELS)
        setting = Setting(folder, photographs, 16 * each * count, actors)
        rates, stages = run_sides(setting, sides, 1 if quick else REPEATS)
    text = (
        f"{count} photographs of {each:.2f} MP and the weights of `{MODEL}` on all sides; x4, so "
        f"output is 16 times the megapixels. {actors} actors of one core with the engine {engine}; "
        "the plain script is one process with all cores. Loading and starting are left out on all "
        f"sides. Repeats: {len(rates[BARE])}, of the peers the first {len(rates[PLAIN])}.\n\n"
        + sides_table(rates)
        + "\nThe job against its peers, which measure nothing and keep no record:\n\n"
        + peers_table(rates)
        + "\nWhere the time of an image goes in the job with PNG. Stages of several images share a "
        "core, so each holds some waiting for the others; `measure` upscales the shrunk source "
        "once more and compares.\n\n" + stages
    )
    return Section("Whole job and peers", text, samples_of(rates))


def run_sides(
    setting: Setting, sides: Mapping[str, str], repeats: int
) -> tuple[dict[str, list[float]], str]:
    """Return output megapixels per second by side, one per repeat, and the last job's stages."""
    rates: dict[str, list[float]] = {side: [] for side in sides}
    stages = ""
    for repeat in range(repeats):
        for side, title in sides.items():
            if side in PEERS and repeat >= PEERS_REPEATS:
                continue
            say(f"{title}, repeat {repeat + 1} of {repeats}")
            root = setting.folder / side
            rates[side].append(run_side(side, setting, root))
            if side == PNG:
                stages = stages_table(root)
            shutil.rmtree(root, ignore_errors=True)
    return rates, stages


def run_side(side: str, setting: Setting, root: Path) -> float:
    """Return output megapixels per second; jobs and peers write under root."""
    if side == BARE:
        return run_bare(setting.photographs, EXECUTION, setting.actors)
    if side in JOBS:
        return run_job(setting.photographs, root, *JOBS[side])
    seconds = run_peer(side, setting.photographs, root, MODEL, setting.actors)
    return setting.megapixels / seconds


def run_job(source: Path, root: Path, config: RunConfig, execution: ExecutionConfig) -> float:
    """Run all shards of a new run, largest first; return megapixels per second."""
    job = JobConfig(source=str(source), output=str(root), run=config, execution=execution)
    run, manifest = open_run(job)
    devices = choose_devices(execution)
    if run.job.run.precision == "auto":
        run = decide_precision(run, fleet_precision(job, devices))
    put_plan(run, plan_round(run, manifest, 0, devices.actors, lambda: 1.0))
    make = actor_factory(run, devices.device)
    actors = [make() for _ in range(devices.actors)]
    ray.get([actor.start() for actor in actors])
    slots = actors * SHARDS_PER_ACTOR
    shards = pc.unique(pq.read_table(root / "plan.parquet").column("shard")).to_pylist()
    rate = timed(
        lambda: (
            result.output_megapixels
            for result in ActorPool(slots).map_unordered(
                lambda actor, shard: actor.process(0, shard, "bench"), shards
            )
        )
    )
    for actor in actors:
        actor.kill()
    run.ledger.close_rounds(run.ledger.snapshot())
    if verify_run(run.ledger.store):
        raise RuntimeError(f"the run in {root} is not sound: {verify_run(run.ledger.store)}")
    return rate


def paired_ratios(values: list[float], bases: list[float]) -> list[float]:
    """Return the ratios of the repeats that both sides have."""
    repeats = min(len(values), len(bases))
    return ratios(values[:repeats], bases[:repeats])


def samples_of(rates: Mapping[str, list[float]]) -> dict[str, list[float]]:
    """Return the rates and their ratios within each repeat, by name."""
    samples = {f"job.{side}": values for side, values in rates.items()}
    for base in (BARE, *PEERS):
        for side in JOBS.keys() & rates.keys():
            samples[f"job.{side}.of_{base}"] = paired_ratios(rates[side], rates[base])
    return samples


def sides_table(rates: Mapping[str, list[float]]) -> str:
    """Return one line per side."""
    return table(
        ["", "output MP/s", "of bare"],
        [
            [SIDES[side], spread(values), spread(paired_ratios(values, rates[BARE]))]
            for side, values in rates.items()
        ],
    )


def peers_table(rates: dict[str, list[float]]) -> str:
    """Return the job's rate relative to each peer, repeat by repeat."""
    return table(
        ["times as fast as", *(SIDES[peer] for peer in PEERS)],
        [
            [SIDES[side]] + [spread(paired_ratios(rates[side], rates[peer])) for peer in PEERS]
            for side in OURS
            if side in rates
        ],
    )


def stages_table(root: Path) -> str:
    """Return the time per stage; stages overlap and share the cores."""
    rows = pq.read_table(root / "metrics")
    spent = {stage: pc.sum(rows.column(f"{stage}_ms")).as_py() for stage in STAGES}
    total = sum(spent.values())
    waited = pc.sum(rows.column("device_wait_ms")).as_py()
    shares = [[stage, f"{100 * taken / total:.1f} %"] for stage, taken in spent.items()]
    wait = f"{100 * waited / (waited + spent['upscale']):.1f} %"
    return table(["stage", "share"], shares) + f"\nThe device waited {wait} of its time.\n"


if __name__ == "__main__":
    run_alone(measure)
