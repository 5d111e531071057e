"""Names under a root: objects that no plan names, links and unfinished writes.

Keys are compared by 64-bit hashes: with 10^6 outputs they take 8 MB, the keys themselves 200.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sr_core.archive.ledger.layout import (
    IMAGES_PREFIX,
    METRICS_PREFIX,
    REPORT_KEY,
    RUN_KEY,
    SIGNATURES_PREFIX,
    parse_part_name,
    plan_name,
    success_name,
)
from sr_core.archive.storage import ObjectInfo, Store
from sr_core.archive.storage.irregular import Irregularity, irregular_entries
from sr_core.audit.verify.findings import Finding, Kind, broken, noted

Prints = NDArray[np.uint64]

_PIECE = 1 << 16
"""Keys hashed at once."""
_MISSING = -1


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """Outputs in storage: hashes of their keys, ascending, and sizes in bytes."""

    prints: Prints
    sizes: NDArray[np.int64]

    def sizes_of(self, keys: Sequence[str]) -> list[int | None]:
        """Return the sizes of outputs; None for those that do not exist."""
        wanted = _prints(keys)
        at = np.minimum(np.searchsorted(self.prints, wanted), max(0, len(self.prints) - 1))
        if not len(self.prints):
            return [None] * len(keys)
        found = np.where(self.prints[at] == wanted, self.sizes[at], _MISSING)
        return [None if size == _MISSING else int(size) for size in found]


def check_shared_outputs(plans: Sequence[pa.Table]) -> Iterator[Finding]:
    """Check that no two images have the same output.

    Args:
        plans: the plans of a run, with image_id and output_key.
    """
    named = [plan.filter(pc.is_valid(plan.column("output_key"))) for plan in plans]
    owners = np.concatenate([_owners(plan) for plan in named])
    keys, counts = np.unique(np.unique(owners, axis=0)[:, 0], return_counts=True)
    shared = keys[counts > 1]
    if not len(shared):
        return
    found = {
        key
        for plan in named
        for piece in plan.column("output_key").chunks
        for key, is_shared in zip(
            piece.to_pylist(), np.isin(_prints(piece.to_pylist()), shared), strict=True
        )
        if is_shared
    }
    for key in sorted(found):
        yield broken(Kind.PLAN, key, "it is planned as the output of two images")


def read_names(store: Store, plans: Sequence[pa.Table], found: list[Finding]) -> Listing:
    """List a root and find the names that do not belong there.

    Args:
        store: the root of a run.
        plans: its plans, with output_key and sidecars.
        found: receives the findings.
    """
    planned = np.concatenate([np.empty(0, np.uint64), *(_planned_prints(plan) for plan in plans)])
    planned.sort()
    own = {RUN_KEY, REPORT_KEY}
    for round_index in range(len(plans)):
        own |= {plan_name(round_index), success_name(round_index)}
    prints, sizes = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    entries = store.list()
    while piece := list(islice(entries, _PIECE)):
        outputs = [info for info in piece if info.key.startswith(IMAGES_PREFIX)]
        others = (info for info in piece if not info.key.startswith(IMAGES_PREFIX))
        marks = _prints([info.key for info in outputs])
        found += _strangers(outputs, np.isin(marks, planned))
        found += _foreign(others, own, len(plans))
        prints.append(marks)
        sizes.append(np.array([info.size_bytes for info in outputs], np.int64))
    found += _irregular(store)
    marks = np.concatenate(prints)
    order = np.argsort(marks)
    return Listing(marks[order], np.concatenate(sizes)[order])


def _strangers(outputs: Sequence[ObjectInfo], is_planned: NDArray[np.bool_]) -> Iterator[Finding]:
    for info, planned in zip(outputs, is_planned, strict=True):
        if not planned:
            yield broken(Kind.FOREIGN, info.key, "it is in no plan")


def _foreign(objects: Iterable[ObjectInfo], own: set[str], rounds: int) -> Iterator[Finding]:
    for info in objects:
        if info.key.startswith(METRICS_PREFIX):
            place = parse_part_name(info.key)
            if place is None:
                message = "it is not a metrics part, but readers of metrics/* will read it"
                yield broken(Kind.FOREIGN, info.key, message)
            elif place[0] >= rounds:
                yield broken(Kind.FOREIGN, info.key, f"round {place[0]} has no plan")
        elif info.key not in own and not info.key.startswith(SIGNATURES_PREFIX):
            yield noted(Kind.FOREIGN, info.key, "it is no object of the run")


def _irregular(store: Store) -> Iterator[Finding]:
    for each in irregular_entries(store):
        if each.what is Irregularity.LEFTOVER:
            message = "an unfinished write; srfleet upscale removes it once it is a day old"
            yield noted(Kind.LEFTOVER, each.key, message)
        else:
            yield broken(Kind.LINK, each.key, f"it is {each.what}, and srfleet writes files alone")


def _planned_prints(plan: pa.Table) -> Prints:
    """Hash the keys of outputs and of copied sidecars."""
    copies = [
        pc.struct_field(pc.list_flatten(piece), "output_key")
        for piece in plan.column("sidecars").chunks
    ]
    return np.concatenate(
        [
            _column_prints(plan.column("output_key")),
            _column_prints(pa.chunked_array(copies, pa.string())),
        ]
    )


def _owners(plan: pa.Table) -> Prints:
    columns = [_column_prints(plan.column(name)) for name in ("output_key", "image_id")]
    return np.stack(columns, axis=1)


def _column_prints(column: pa.ChunkedArray) -> Prints:
    pieces = [_prints(piece.drop_null().to_pylist()) for piece in column.chunks]
    return np.concatenate([np.empty(0, np.uint64), *pieces])


def _prints(keys: Sequence[str]) -> Prints:
    hashes = (hashlib.blake2b(key.encode(), digest_size=8).digest() for key in keys)
    return np.frombuffer(b"".join(hashes), np.uint64)
