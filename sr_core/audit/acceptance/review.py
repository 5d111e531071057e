"""The review page: every image of a sample beside its source, and keys to decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sr_core.archive.storage import Store
from sr_core.audit.acceptance.decisions import SCHEMA
from sr_core.audit.acceptance.sampling import Sample
from sr_core.audit.report.lines import Line, read_lines
from sr_core.audit.report.pictures import cut, detail_frame, open_picture, read_file, shrink
from sr_core.errors import ImageError
from sr_core.page.render import Pages

_PAGES = Pages("sr_core.audit.acceptance", style="review.css", script="review.js")
_WHOLE_PX = 640
_DETAIL_PX = 320


@dataclass(frozen=True, slots=True)
class Shown:
    """The pictures of one image of the sample; notes explain missing ones."""

    line: Line
    output: bytes | None = None
    source: bytes | None = None
    output_detail: bytes | None = None
    source_detail: bytes | None = None
    notes: tuple[str, ...] = ()


def review_page(
    sample: Sample,
    outputs: Store,
    sources: Store | None,
    *,
    run_id: str,
    root_hash: str | None,
    rules: str,
) -> bytes:
    """Return the page on which a person decides about each image of a sample.

    It loads nothing and sends nothing: pictures are inside, and decisions are saved as a file.

    Args:
        sample: the images.
        outputs: the root of the run.
        sources: the source root; None to show the outputs alone.
        run_id: id of the run.
        root_hash: hash over the run.
        rules: title of the rules.

    Raises: RetryLaterError if a store cannot be used.
    """
    shown = [_show(line, outputs, sources) for line in read_lines(outputs, sample.rows, [])]
    return _PAGES.render(
        "review.html.j2",
        schema=SCHEMA,
        sample=sample,
        items=_in_order(shown, sample.order),
        run_id=run_id,
        root_hash=root_hash or "",
        rules=rules,
        root=outputs.uri,
    )


def _in_order(shown: Sequence[Shown], order: Sequence[int]) -> list[Shown]:
    return [shown[index] for index in order]


def _show(line: Line, outputs: Store, sources: Store | None) -> Shown:
    row = line.row
    try:
        output = open_picture(read_file(outputs, row.output_key, row.output_sha256))
        whole = shrink(output, _WHOLE_PX)
        frame = detail_frame(whole, row, _DETAIL_PX, _DETAIL_PX)
        detail = cut(output, frame)
    except ImageError as error:
        return Shown(line, notes=(f"the output cannot be shown: {error.message}",))
    del output  # two large pictures at once need not fit
    if sources is None:
        return Shown(line, whole, None, detail, notes=("the source is not at hand",))
    try:
        source = open_picture(read_file(sources, row.key, row.source_sha256))
        return Shown(line, whole, shrink(source, _WHOLE_PX), detail, cut(source, frame))
    except ImageError as error:
        note = f"the source cannot be shown: {error.message}"
        return Shown(line, whole, None, detail, notes=(note,))
