"""Measures of clean and of faulty outputs, kept in a file that grows and resumes."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.faults.broken import broken_networks, upscale
from benchmarks.faults.outputs import SCALE, Output, cached, path_of
from benchmarks.faults.pictures import as_jpeg, is_measuring, photographs, windows
from benchmarks.faults.planted import HARD, SEVERE, Case
from benchmarks.section import say
from sr_core.imaging.pixels import Pixels
from sr_core.metrics.registry import METRICS
from sr_core.metrics.suite import measure

FAULTS = SEVERE | HARD
CLEAN = "clean"
FAULTS_PER_WINDOW = 5
"""Faults planted into one window; all windows take turns through all faults."""
APART = 8
"""Windows back at which another picture is found, of another photograph."""
WRONG = {"srgan": "srgan-photo", "srgan-photo": "srgan"}
"""The weights that are wrong for a model."""


@dataclass(frozen=True, slots=True)
class Values:
    """The measures of one output."""

    picture: str
    photograph: str
    kind: str
    fault: str
    measures: dict[str, float]


def read_values(path: Path) -> list[Values]:
    """Read a file of values."""
    if not path.exists():
        return []
    return [Values(**json.loads(line)) for line in path.read_text().splitlines()]


def measure_windows(folder: Path, model: str, path: Path) -> None:
    """Measure every cached window; those of measuring photographs with faults, too."""
    done = {each.picture for each in read_values(path)}
    outputs = cached(folder, model, windows(photographs(), folder))
    before: deque[Output] = deque(maxlen=APART)
    networks = broken_networks(model)
    with path.open("a") as file:
        for index, output in enumerate(outputs):
            before.append(output)
            if output.picture.name in done:
                continue
            wrong = path_of(folder, WRONG[model], output.picture)
            network = networks[index % len(networks)]
            case = Case(
                sr=output.sr,
                lr=output.picture.lr,
                other=before[0].sr,
                wrong=np.load(wrong) if wrong.exists() else None,
                broken=lambda lr=output.picture.lr, network=network: upscale(network, lr),
                rng=np.random.default_rng(index),
            )
            lines = [json.dumps(asdict(each)) for each in _measured(output, case, index)]
            file.write("\n".join(lines) + "\n")
            file.flush()
            if index % 100 == 0:
                say(f"{model}: {index} windows")


def columns(source: Pixels, output: Pixels) -> dict[str, float]:
    """Return the metrics of a run that are defined, by column."""
    found = measure(source, output, upscale=None, scale=SCALE, reference=None)
    values = {metric.name: getattr(found, metric.name) for metric in METRICS}
    return {name: value for name, value in values.items() if value is not None}


def _measured(output: Output, case: Case, index: int) -> Iterator[Values]:
    picture = output.picture
    faults = {CLEAN: lambda case: case.sr}
    if is_measuring(picture.photograph):
        names = list(FAULTS)
        turns = [
            names[(index * FAULTS_PER_WINDOW + turn) % len(names)]
            for turn in range(FAULTS_PER_WINDOW)
        ]
        faults |= {name: FAULTS[name] for name in turns}
    for name, plant in faults.items():
        sr = plant(case)
        if sr is not None:
            stored = as_jpeg(sr, 95) if picture.format == "jpeg" else sr
            measures = columns(picture.lr, stored)
            yield Values(picture.name, picture.photograph, picture.kind, name, measures)
