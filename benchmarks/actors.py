"""Threads against actors: `python -m benchmarks.actors`.

The bare generator in actors that do nothing else: one actor on one core, one with threads on all
cores, and 1, 2, 4 ... actors with one core each. All variants get the same photographs, in turn.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.bare import MODEL, run_bare
from benchmarks.photographs import write_photographs
from benchmarks.section import Section, ratios, run_alone, say, spread, table
from jobs.cluster.connect import choose_devices, connected
from sr_core.config import ExecutionConfig

REPEATS = 3
MEGAPIXELS = 0.15


def measure(quick: bool) -> Section:
    """Measure threads against actors, and how throughput scales with actors."""
    with tempfile.TemporaryDirectory() as name, connected(ExecutionConfig(device="cpu")):
        cores = choose_devices(ExecutionConfig(device="cpu")).actors
        folder = Path(name) / "photographs"
        megapixels = write_photographs(folder, 2 * cores, 0.01 if quick else MEGAPIXELS)
        # (actors, threads of each)
        sides = [(1, cores), *((actors, 1) for actors in counts(cores))]
        rates = time_sides(sides, folder, 1 if quick else REPEATS)
    alone = rates[1, 1]
    rows = [
        [str(actors), str(threads), spread(values), scaled(values, alone, actors * threads)]
        for (actors, threads), values in rates.items()
    ]
    best = (cores, 1)
    gain = ratios(rates[best], rates[1, cores])
    text = (
        f"The bare generator, `{MODEL}`, {2 * cores} photographs of {megapixels:.2f} MP.\n\n"
        + table(["actors", "threads each", "output MP/s", "of linear"], rows)
        + f"\n{cores} actors of one core are {spread(gain)} times as fast as one of {cores} "
        "threads.\n"
    )
    samples = {f"actors.{actors}x{threads}": v for (actors, threads), v in rates.items()}
    return Section("Actors and threads", text, samples | {"actors.gain": gain})


def counts(cores: int) -> list[int]:
    """Return 1, 2, 4 ... and the number of cores."""
    powers = [2**power for power in range(cores.bit_length()) if 2**power < cores]
    return [*powers, cores]


def time_sides(
    sides: list[tuple[int, int]], folder: Path, repeats: int
) -> dict[tuple[int, int], list[float]]:
    """Return megapixels per second for each (actors, threads), one per repeat."""
    rates: dict[tuple[int, int], list[float]] = {side: [] for side in sides}
    for repeat in range(repeats):
        for (actors, threads), values in rates.items():
            say(f"{actors} actors of {threads} threads, repeat {repeat + 1} of {repeats}")
            execution = ExecutionConfig(device="cpu", cpus_per_actor=threads)
            values.append(run_bare(folder, execution, actors))
    return rates


def scaled(rates: list[float], alone: list[float], cores: int) -> str:
    """Format a rate relative to one core's rate times the cores used."""
    return spread([share / cores for share in ratios(rates, alone)])


if __name__ == "__main__":
    run_alone(measure)
