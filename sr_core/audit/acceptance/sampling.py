"""The sample of a run: drawn by a seed, spread over folders, formats and verdicts."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from sr_core.audit.acceptance.bounds import sample_size
from sr_core.audit.verdicts.audit import Audit
from sr_core.errors import ConfigurationError
from sr_core.records import Status

SAMPLE_COLUMNS = ("image_id", "key", "status", "format_out", "round", "shard")
"""Columns of the metrics table that a sample is drawn by."""
LARGEST_SEED = (1 << 53) - 1
"""The review page holds the seed as a number of JavaScript, which has no more digits."""
_SHOWN_TWICE = 0.1
"""Share of the sample that is shown a second time, to measure the reviewer."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of an acceptance, from which its sample follows."""

    max_defects: float
    """Largest share of defects to accept."""
    confidence: float
    """Probability that a run with a larger share is not accepted."""
    seed: int
    """At most LARGEST_SEED."""

    def __post_init__(self) -> None:
        """Check the values.

        Raises: ConfigurationError for a share that is not between 0 and 1, or a seed out of range.
        """
        if not 0 <= self.seed <= LARGEST_SEED:
            raise ConfigurationError(f"--seed must be from 0 to {LARGEST_SEED}, not {self.seed}")
        for name, share in (("max-defects", self.max_defects), ("confidence", self.confidence)):
            if not 0 < share < 1:
                raise ConfigurationError(
                    f"--{name} must be more than 0 % and less than 100 %, not {share:.6g}"
                )


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """The images to look at, in the order in which they are shown."""

    terms: Terms
    population: int
    """Outputs of the run."""
    rows: pa.Table
    """Their rows, each image once."""
    order: tuple[int, ...]
    """Rows as they are shown; some appear twice."""

    @property
    def images(self) -> int:
        """Number of different images."""
        return int(self.rows.num_rows)


def draw(audit: Audit, terms: Terms) -> Sample:
    """Draw the sample of a run; equal tables, rules and terms give equal samples.

    The outputs are sorted by folder, format and verdict, in random order within, and every k-th is
    taken from a random start. So each output has the same chance, and each group its share.

    Args:
        audit: of the run; its rows have SAMPLE_COLUMNS.
        terms: the terms.

    Raises: ConfigurationError if the run has no outputs.
    """
    rows, verdicts = audit.rows, audit.judgement.verdicts
    is_ok = np.flatnonzero(rows.column("status").to_numpy(zero_copy_only=False) == Status.OK.value)
    if not is_ok.size:
        raise ConfigurationError("the run has no outputs to accept")
    outputs = rows.take(pa.array(is_ok)).select(SAMPLE_COLUMNS)
    keys, ids, formats = (
        outputs.column(name).to_pylist() for name in ("key", "image_id", "format_out")
    )
    folders = [key.rpartition("/")[0] for key in keys]
    groups = zip(folders, formats, verdicts[is_ok].tolist(), ids, strict=True)
    ordered = [
        index
        for *_, index in sorted(
            (folder, format_ or "", verdict, _shuffled(terms.seed, image_id), index)
            for index, (folder, format_, verdict, image_id) in enumerate(groups)
        )
    ]
    count = min(len(ordered), sample_size(terms.max_defects, terms.confidence))
    generator = random.Random(terms.seed)  # noqa: S311 - anybody must be able to draw it again
    start = generator.random()
    chosen = [ordered[int((start + k) * len(ordered) / count)] for k in range(count)]
    return Sample(terms, len(ordered), outputs.take(pa.array(chosen)), _order(count, generator))


def _shuffled(seed: int, image_id: str) -> str:
    return hashlib.sha256(f"{seed} {image_id}".encode()).hexdigest()


def _order(count: int, generator: random.Random) -> tuple[int, ...]:
    """Shuffle the images, and show some of them again among the second half."""
    order = list(range(count))
    generator.shuffle(order)
    again = generator.sample(order[: max(1, count // 2)], max(1, round(count * _SHOWN_TWICE)))
    for index in again:
        order.insert(
            generator.randint(max(order.index(index) + 1, len(order) // 2), len(order)), index
        )
    return tuple(order)
