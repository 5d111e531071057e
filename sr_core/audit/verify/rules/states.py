"""Rules for status and error class, and for the columns that a row has with each status."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import pyarrow as pa
import pyarrow.compute as pc

from sr_core.archive.ledger.runs import RunRecord
from sr_core.audit.verify.rules.masks import (
    Mask,
    Rule,
    is_ok,
    not_in,
    not_ok_with,
    ok_without,
    present,
    strings,
)
from sr_core.errors import NOT_PHOTOGRAPHS, ErrorClass
from sr_core.metrics.registry import METRICS
from sr_core.records import Status

_OK_HAS = (
    "source_uri",
    "source_size_bytes",
    "source_sha256",
    "format_in",
    "width_in_px",
    "height_in_px",
    "format_out",
    "width_out_px",
    "height_out_px",
    "output_size_bytes",
    "output_sha256",
    "finished_at",
)
_OUTPUT_COLUMNS = (
    "output_key",
    "format_out",
    "width_out_px",
    "height_out_px",
    "output_size_bytes",
    "output_sha256",
    "same_pixels_as",
    "model",
    "engine",
)


def status_rules() -> Iterable[Rule]:
    """Return the rules for status and error class."""
    yield Rule("its status is {status}", not_in("status", [*Status]))
    yield Rule("its error class is {error_class}", not_in("error_class", [*ErrorClass]))
    yield Rule(
        "it is ok with error class {error_class}",
        lambda rows: pc.and_(is_ok(rows), pc.is_valid(rows["error_class"])),
    )
    yield Rule(
        "it is failed without an error class",
        lambda rows: pc.and_(
            pc.equal(rows["status"], Status.FAILED), pc.is_null(rows["error_class"])
        ),
    )
    for status, classes in (
        (Status.DUPLICATE, {ErrorClass.DUPLICATE_KEY}),
        (Status.SKIPPED, NOT_PHOTOGRAPHS),
    ):
        yield Rule("it is {status} with error class {error_class}", _one_without(status, classes))


def presence_rules(run: RunRecord) -> Iterable[Rule]:
    """Return the rules for the columns that rows have or lack by their status."""
    yield Rule("it is ok but has no output", ok_without("output_key"))
    for name in _OK_HAS:
        yield Rule(f"it is ok but has no {name}", ok_without(name))
    metrics = [metric.name for metric in METRICS]
    for name in (*_OUTPUT_COLUMNS, *metrics):
        yield Rule(f"it is {{status}} but has {name} {{{name}}}", not_ok_with(name))
    if run.config.get("measure") is False:
        for name in metrics:
            message = f"it has {name} {{{name}}}, but the run does not measure"
            yield Rule(message, present(name))


def _one_without(status: Status, classes: Collection[ErrorClass]) -> Mask:
    """Mask rows with a status but none of its error classes, or the other way round."""

    def broken_by(rows: pa.Table) -> pa.ChunkedArray:
        return pc.xor(
            pc.equal(rows["status"], status), pc.is_in(rows["error_class"], strings(classes))
        )

    return broken_by
