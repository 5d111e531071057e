"""Faults in whole photographs: `python -m benchmarks.faults.whole SETTING MEASURING SOURCE VALUES`.

SETTING and MEASURING are runs of one model on different known-good photographs; the sources of
MEASURING are in SOURCE. Limits come from the rows of SETTING. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.faults.pictures import as_jpeg
from benchmarks.faults.planted import Case
from benchmarks.faults.tables import alarms, fitted_limits, share
from benchmarks.faults.values import CLEAN, FAULTS, Values, columns, read_values
from benchmarks.section import say, table
from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.ledger.rounds import STATE_COLUMNS
from sr_core.archive.storage import open_store
from sr_core.imaging.pixels import Pixels
from sr_core.metrics.registry import METRICS

LEFT_OUT = {"wrong weights", "one layer zeroed", "black", "wrong image", "BGR", "checkerboard of 4"}
"""Faults that need the network, or that are found in windows without exception."""


def main() -> None:
    """Measure what is missing in the file of values, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("setting")
    parser.add_argument("measuring")
    parser.add_argument("source", type=Path)
    parser.add_argument("values", type=Path, help="JSON lines, kept and extended")
    parser.add_argument("--only-print", action="store_true")
    arguments = parser.parse_args()
    if not arguments.only_print:
        measure_faults(arguments.measuring, arguments.source, arguments.values)
    clean = rows_of(arguments.setting)
    beyond, stretch = fitted_limits(clean)
    good = [alarms(each, beyond) for each in rows_of(arguments.measuring)]
    print(f"{len(clean)} photographs set the limits (stretch {stretch:.2f}).")
    print(f"False alarms on {len(good)} others: {share(sum(map(bool, good)), len(good))}\n")
    values = read_values(arguments.values)
    found = {
        name: [alarms(each, beyond) for each in values if each.fault == name] for name in FAULTS
    }
    print(
        table(
            ["fault", "planted", "found"],
            [
                [name, str(len(each)), share(sum(map(bool, each)), len(each))]
                for name, each in found.items()
                if each
            ],
        )
    )


def rows_of(root: str) -> list[Values]:
    """Return the metrics of a run's images."""
    names = [metric.name for metric in METRICS if not metric.name.startswith("self_")]
    rows = Ledger(open_store(root)).latest_rows([*STATE_COLUMNS, "key", *names])
    return [
        Values(
            row["key"],
            row["key"],
            "whole",
            CLEAN,
            {name: row[name] for name in names if row[name] is not None},
        )
        for row in rows.to_pylist()
    ]


def measure_faults(root: str, source: Path, path: Path) -> None:
    """Plant every fault into every output of a run, and measure it."""
    done = {each.picture for each in read_values(path)}
    rows = Ledger(open_store(root)).latest_rows([*STATE_COLUMNS, "key", "output_key"])
    before: Pixels | None = None
    with path.open("a") as file:
        for index, row in enumerate(rows.to_pylist()):
            lr, sr = _decoded(source / row["key"]), _decoded(Path(root) / row["output_key"])
            other, before = before, sr
            if other is None or row["key"] in done:
                continue
            for each in _measured(row, lr, sr, _fitted(other, sr.shape), index):
                file.write(json.dumps(asdict(each)) + "\n")
            file.flush()
            say(f"{index} of {rows.num_rows}")


def _measured(
    row: dict[str, str], lr: Pixels, sr: Pixels, other: Pixels, index: int
) -> Iterator[Values]:
    case = Case(sr, lr, other, None, lambda: sr, np.random.default_rng(index))
    for name, plant in FAULTS.items():
        bad = None if name in LEFT_OUT else plant(case)
        if bad is not None:
            stored = as_jpeg(bad, 95) if row["output_key"].endswith(".jpg") else bad
            yield Values(row["key"], row["key"], "whole", name, columns(lr, stored))


def _decoded(path: Path) -> Pixels:
    with Image.open(path) as image:
        return np.array(image.convert("RGB"))


def _fitted(pixels: Pixels, shape: tuple[int, ...]) -> Pixels:
    """Repeat and cut a picture to a shape."""
    times = [-(-wanted // given) for wanted, given in zip(shape, pixels.shape, strict=True)]
    return np.tile(pixels, times)[: shape[0], : shape[1]]


if __name__ == "__main__":
    main()
