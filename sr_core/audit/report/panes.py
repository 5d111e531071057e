"""One image by several upscalers: the whole image, and its most detailed part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sr_core.archive.storage import Store
from sr_core.audit.report.lines import Line
from sr_core.audit.report.pictures import Box, cut, detail_frame, open_picture, read_file, shrink
from sr_core.errors import ImageError
from sr_core.metrics.metric import Metric
from sr_core.records import MetricsRow, Status

WHOLE_PX = 1280
"""Longer side of the whole picture."""
DETAIL_WIDTH_PX = 144
DETAIL_HEIGHT_PX = 96

REFERENCE = "reference"


@dataclass(frozen=True, slots=True)
class Pane:
    """The output of one variant, or the reference; `note` explains a missing picture."""

    label: str
    row: MetricsRow | None = None
    values: list[tuple[Metric, float]] = field(default_factory=list)
    whole: bytes | None = None
    detail: bytes | None = None
    note: str | None = None


def panes(
    variants: Sequence[tuple[str, Store]],
    lines: Sequence[Line | None],
    source: Store,
    reference_key: str | None,
) -> list[Pane]:
    """Make a pane of an image for each variant, and one for its reference, if any.

    A problem with one picture becomes the note of its pane instead of an error.

    Args:
        variants: labels and roots of runs.
        lines: the row of the image in each run; None if it is not committed yet.
        source: the store of the reference.
        reference_key: key of the reference, if any.

    Raises: StorageUnavailableError if a whole store cannot be used.
    """
    made = [
        _read_output(label, store, line)
        for (label, store), line in zip(variants, lines, strict=True)
    ]
    if reference_key is not None:
        made.append(_read_reference(source, reference_key))
    frame = _common_frame(made)
    return [_show(pane, data, frame) for pane, data in made]


def _read_output(label: str, store: Store, line: Line | None) -> tuple[Pane, bytes | None]:
    if line is None:
        return Pane(label, note="not done yet"), None
    row = line.row
    pane = Pane(label, row, line.values)
    if row.status is not Status.OK:
        return replace(pane, note=f"{row.error_class}: {row.error_message}"), None
    try:
        return pane, read_file(store, row.output_key, row.output_sha256)
    except ImageError as error:
        return replace(pane, note=f"cannot be shown: {error.message}"), None


def _read_reference(source: Store, key: str) -> tuple[Pane, bytes | None]:
    try:
        return Pane(REFERENCE), read_file(source, key)
    except ImageError as error:
        return Pane(REFERENCE, note=f"cannot be shown: {error.message}"), None


def _common_frame(made: Sequence[tuple[Pane, bytes | None]]) -> Box | None:
    """Choose the crop of all panes, by the last variant that has a picture."""
    for pane, data in reversed(made):
        if pane.row is not None and data is not None:
            try:
                small = shrink(open_picture(data), WHOLE_PX)
                return detail_frame(small, pane.row, DETAIL_WIDTH_PX, DETAIL_HEIGHT_PX)
            except ImageError:
                continue  # _show notes the error
    return None


def _show(pane: Pane, data: bytes | None, frame: Box | None) -> Pane:
    if data is None or frame is None:
        return pane
    try:
        picture = open_picture(data)
        return replace(pane, whole=shrink(picture, WHOLE_PX), detail=cut(picture, frame))
    except ImageError as error:
        return replace(pane, note=f"cannot be shown: {error.message}")
