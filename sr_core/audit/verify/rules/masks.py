"""A rule about rows, and the masks that rules are made of.

A rule is a mask over a table of rows joined with their planned images; where the mask is true, the
row breaks the rule. Null masks nothing. Rules are evaluated on whole parts at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sr_core.records import Status

PLANNED = "planned_"
"""Prefix of the plan's columns in a joined table."""
PLANNED_COLUMNS = (
    "key",
    "size_bytes",
    "etag",
    "status",
    "error_class",
    "output_key",
    "output_format",
)
"""Columns of the plan that rules compare rows with."""

LARGEST = float(np.finfo(np.float64).max)
"""The largest finite number, in float64."""

Mask = Callable[[pa.Table], pa.ChunkedArray]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule about rows."""

    message: str
    """Reason of a finding; {column} stands for a value of the row."""
    broken_by: Mask
    needs: frozenset[str] = frozenset()
    """Columns that a part of an earlier version may lack; the rule is then skipped."""


def is_ok(rows: pa.Table) -> pa.ChunkedArray:
    """Mask the rows of images with an output."""
    return pc.equal(rows["status"], Status.OK)


def ok_without(name: str) -> Mask:
    """Mask ok rows without a value."""
    return lambda rows: pc.and_(is_ok(rows), pc.is_null(rows[name]))


def not_ok_with(name: str) -> Mask:
    """Mask other rows with a value."""
    return lambda rows: pc.and_(pc.invert(is_ok(rows)), pc.is_valid(rows[name]))


def present(name: str) -> Mask:
    """Mask rows with a value."""
    return lambda rows: pc.is_valid(rows[name])


def only_one_of(first: str, second: str) -> Mask:
    """Mask rows with one of two values that belong together."""
    return lambda rows: pc.xor(pc.is_valid(rows[first]), pc.is_valid(rows[second]))


def not_in(name: str, allowed: Sequence[str]) -> Mask:
    """Mask values that are none of the allowed ones."""
    return lambda rows: pc.and_(
        pc.is_valid(rows[name]), pc.invert(pc.is_in(rows[name], strings(allowed)))
    )


def names_beyond(name: str, allowed: Collection[str]) -> Mask:
    """Mask values that name anything else; the pages of one image may differ: "half, float32"."""

    def broken_by(rows: pa.Table) -> pa.ChunkedArray:
        found = pc.unique(rows[name]).to_pylist()
        strange = [each for each in found if each and not {*each.split(", ")} <= {*allowed}]
        return pc.is_in(rows[name], strings(strange))

    return broken_by


def not_like(name: str, pattern: str) -> Mask:
    """Mask values that do not match a regular expression."""
    return lambda rows: pc.invert(pc.match_substring_regex(rows[name], pattern))


def below(name: str, lowest: int) -> Mask:
    """Mask smaller values."""
    return lambda rows: pc.less(rows[name], lowest)


def outside(name: str, lowest: float, highest: float) -> Mask:
    """Mask values beyond two bounds, and NaN."""
    return lambda rows: pc.invert(
        pc.and_(pc.greater_equal(rows[name], lowest), pc.less_equal(rows[name], highest))
    )


def strings(values: Collection[str]) -> pa.Array:
    """Return a set of strings for pyarrow."""
    return pa.array(sorted(values), pa.string())
