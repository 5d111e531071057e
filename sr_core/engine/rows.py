"""The metrics row of an image, made from the results of its stages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sr_core.engine.work import (
    Assignment,
    Decoded,
    Failure,
    Fetched,
    Times,
    Work,
    Written,
)
from sr_core.inference.several import Chosen
from sr_core.inference.upscaled import MadeBy
from sr_core.metrics.registry import METRICS
from sr_core.metrics.suite import Measures
from sr_core.records import MetricsRow, status_of

_LONGEST_MESSAGE = 1000


def row_of(work: Work, device_model: str | None) -> MetricsRow:
    """Return the row of an image whose stages are over.

    A failed image has no output in its row, whatever stage it reached.

    Args:
        work: the image.
        device_model: name of the device that upscales here.
    """
    row = replace(_first(work.assignment, work.failure), warnings=_warnings(work))
    row = _with_source(row, work.fetched, work.decoded)
    if work.written is not None and work.failure is None:
        row = _with_output(row, work, work.written)
        if work.made_by:
            row = _with_maker(row, work.made_by, work.chosen, device_model)
    if work.measured is not None and work.measured.measures is not None:
        row = _with_measures(row, work.measured.measures)
    return _with_times(row, work.times)


def refused_row(assignment: Assignment) -> MetricsRow:
    """Return the row of an image that the plan refused."""
    return _first(assignment, None)


def _first(assignment: Assignment, failure: Failure | None) -> MetricsRow:
    image = assignment.image
    if failure is None:
        status, error_class, message = image.status, image.error_class, image.error_message
    else:
        status = status_of(failure.error_class)
        error_class, message = failure.error_class, failure.message[:_LONGEST_MESSAGE]
    return MetricsRow(
        image_id=image.image_id,
        key=image.key,
        round=assignment.round_index,
        shard=assignment.planned.shard,
        attempt=assignment.attempt,
        status=status,
        error_class=error_class,
        error_message=message,
        source_uri=assignment.source_uri,
        worker=assignment.worker,
        finished_at=datetime.now(UTC),
    )


def _warnings(work: Work) -> tuple[str, ...]:
    return (
        *(work.decoded.warnings if work.decoded is not None else ()),
        *(work.sidecars.warnings if work.sidecars is not None else ()),
        *(work.measured.warnings if work.measured is not None else ()),
    )


def _with_source(row: MetricsRow, fetched: Fetched | None, decoded: Decoded | None) -> MetricsRow:
    if fetched is not None:
        row = replace(
            row,
            source_size_bytes=fetched.size_bytes,
            source_etag=fetched.etag,
            source_sha256=fetched.sha256,
        )
    if decoded is not None:
        picture = decoded.picture
        height_px, width_px = picture.pages[0].pixels.shape[:2]
        row = replace(
            row,
            format_in=picture.format,
            mode_in=picture.mode_in,
            bit_depth=picture.bit_depth,
            width_in_px=width_px,
            height_in_px=height_px,
            pages=decoded.pages,
            orientation_in=picture.orientation_in,
            decoded_share=1.0 if picture.decoded_share is None else picture.decoded_share,
        )
    return row


def _with_output(row: MetricsRow, work: Work, written: Written) -> MetricsRow:
    return replace(
        row,
        output_key=work.target.key,
        format_out=work.target.format,
        width_out_px=written.width_px,
        height_out_px=written.height_px,
        output_size_bytes=len(written.data),
        output_sha256=written.sha256,
        sidecars=None if work.sidecars is None else work.sidecars.sidecars,
        adopted=written.adopted,
        same_pixels_as=None if work.twin is None else work.twin.assignment.image.image_id,
    )


def _with_maker(
    row: MetricsRow, makers: Sequence[MadeBy], chosen: Chosen | None, device_model: str | None
) -> MetricsRow:
    return replace(
        row,
        model=_joined(each.model for each in makers),
        model_scale=makers[0].scale,
        model_reason=None if chosen is None else chosen.reason,
        engine=_joined(each.engine for each in makers),
        precision=_joined(each.precision for each in makers),
        device=device_model,
    )


def _with_measures(row: MetricsRow, measures: Measures) -> MetricsRow:
    found: dict[str, Any] = {metric.name: getattr(measures, metric.name) for metric in METRICS}
    return replace(row, spots=measures.spots or None, **found)


def _with_times(row: MetricsRow, times: Times) -> MetricsRow:
    spent = times.stages_ms
    return replace(
        row,
        fetch_ms=spent.get("fetch"),
        decode_ms=spent.get("decode"),
        device_wait_ms=times.device_wait_ms,
        upscale_ms=spent.get("upscale"),
        measure_ms=spent.get("measure"),
        encode_ms=spent.get("encode"),
        put_ms=spent.get("put"),
    )


def _joined(names: Iterable[str | None]) -> str | None:
    """Join the different names of an image's pages; None if there is none."""
    return ", ".join(sorted({name for name in names if name is not None})) or None
