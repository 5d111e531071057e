"""Totals of a plan, before anything is written: counts, megapixels, bytes, names, refusals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from sr_core.archive.planning.networks import Ints, megapixels_by_scale, network_scales
from sr_core.records import Status

LISTED_NAMES = 5
"""Number of names that a summary lists of each kind."""
_SIZE_COLUMNS = [
    "format",
    "pages",
    "width_px",
    "height_px",
    "output_format",
    "output_width_px",
    "output_height_px",
]
_SIDES = ("width_px", "height_px", "output_width_px", "output_height_px")
SUMMARY_COLUMNS = ("key", "status", "error_class", "sidecars", *_SIZE_COLUMNS)
"""Columns of a plan that its summary is made from."""
BYTES_PER_PIXEL = {
    "jpeg": 0.23,
    "png": 1.0,
    "webp": 0.12,
    "tiff": 1.05,
    "jxl": 0.76,
    "ptif": 0.38,
}
"""Mean of 34 upscaled photographs with 8 bits per channel, JPEG and WebP at quality 95; eight in
ten lie between half and one and a half of it. Source: benchmarks/output_bytes.py."""


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """Totals of a plan.

    `images` can be processed; of those, `unprobed` ones have unknown sizes and are not part of the
    megapixels and bytes. `skipped` files are no photographs; `sidecars` are the copies to
    make of some of them. `megapixels_by_scale` come out of the
    model: a network upscales by its own scale, and its output is resized after that. Output bytes
    are estimates by format. `renamed` images could not have their plain output name. `over_limit`
    images were refused for their size and are among the `failed`.
    """

    rows: int
    images: int
    unprobed: int
    duplicates: int
    failed: Mapping[str, int]
    skipped: Mapping[str, int]
    sidecars: int
    shards: int
    source_megapixels: float
    megapixels_by_scale: Mapping[int, float]
    output_megapixels: float
    output_bytes: Mapping[str, int]
    renamed: int
    first_renamed: Sequence[str]
    over_limit: int
    first_over_limit: Sequence[str]

    @property
    def native_megapixels(self) -> float:
        """Megapixels that come out of the model."""
        return sum(self.megapixels_by_scale.values())


def summarise(
    planned: pa.Table,
    shards: int,
    renamed: Sequence[str],
    over_limit: Sequence[str],
    *,
    model: str,
) -> PlanSummary:
    """Add up a plan.

    Args:
        planned: a table of PLAN_SCHEMA.
        shards: number of shards.
        renamed: keys of the sources whose outputs could not have their plain names.
        over_limit: keys of the sources that were refused for their size.
        model: name or path of the model.
    """
    is_ok = pc.equal(planned["status"], Status.OK)
    images = planned.select(_SIZE_COLUMNS).filter(is_ok)
    classes = {
        status: Counter(
            planned["error_class"].filter(pc.equal(planned["status"], status)).to_pylist()
        )
        for status in (Status.FAILED, Status.SKIPPED)
    }
    output_px = _output_px_by_format(images)
    source_px = _ints(_product(images, "width_px", "height_px", "pages"))
    scales = network_scales(model, *(_ints(images[name]) for name in _SIDES))
    made_px = _ints(_product(images, "output_width_px", "output_height_px", "pages"))
    return PlanSummary(
        rows=len(planned),
        images=len(images),
        unprobed=images["format"].null_count,
        duplicates=pc.sum(pc.equal(planned["status"], Status.DUPLICATE)).as_py() or 0,
        failed=classes[Status.FAILED],
        skipped=classes[Status.SKIPPED],
        sidecars=count_copies(planned),
        shards=shards,
        source_megapixels=int(source_px.sum()) / 1e6,
        megapixels_by_scale=megapixels_by_scale(scales, source_px, made_px),
        output_megapixels=sum(output_px.values()) / 1e6,
        output_bytes={name: int(BYTES_PER_PIXEL[name] * px) for name, px in output_px.items()},
        renamed=len(renamed),
        first_renamed=tuple(renamed[:LISTED_NAMES]),
        over_limit=len(over_limit),
        first_over_limit=tuple(over_limit[:LISTED_NAMES]),
    )


def count_copies(table: pa.Table) -> int:
    """Count the copies in the column sidecars, each once if several images share it."""
    copies = pc.list_flatten(table["sidecars"].combine_chunks())
    return pc.count_distinct(pc.struct_field(copies, "output_key")).as_py() or 0


def _output_px_by_format(images: pa.Table) -> dict[str, int]:
    pixels = _product(images, "output_width_px", "output_height_px", "pages")
    by_format = pa.table({"format": images["output_format"], "pixels": pixels})
    totals = by_format.group_by("format").aggregate([("pixels", "sum")]).to_pylist()
    return {row["format"]: row["pixels_sum"] or 0 for row in totals}


def add_up(summaries: Sequence[PlanSummary]) -> PlanSummary:
    """Add up the summaries of several rounds."""

    def total(values: Iterable[Mapping[str, int]]) -> Mapping[str, int]:
        return sum(map(Counter, values), Counter())

    renamed = [key for each in summaries for key in each.first_renamed]
    over_limit = [key for each in summaries for key in each.first_over_limit]
    return PlanSummary(
        rows=sum(each.rows for each in summaries),
        images=sum(each.images for each in summaries),
        unprobed=sum(each.unprobed for each in summaries),
        duplicates=sum(each.duplicates for each in summaries),
        failed=total(each.failed for each in summaries),
        skipped=total(each.skipped for each in summaries),
        sidecars=sum(each.sidecars for each in summaries),
        shards=sum(each.shards for each in summaries),
        source_megapixels=sum(each.source_megapixels for each in summaries),
        megapixels_by_scale=_added(each.megapixels_by_scale for each in summaries),
        output_megapixels=sum(each.output_megapixels for each in summaries),
        output_bytes=total(each.output_bytes for each in summaries),
        renamed=sum(each.renamed for each in summaries),
        first_renamed=tuple(renamed[:LISTED_NAMES]),
        over_limit=sum(each.over_limit for each in summaries),
        first_over_limit=tuple(over_limit[:LISTED_NAMES]),
    )


def _product(table: pa.Table, width: str, height: str, pages: str) -> pa.ChunkedArray:
    return pc.multiply(pc.multiply(table[width], table[height]), table[pages])


def _ints(values: pa.ChunkedArray) -> Ints:
    """Return numbers, 0 if unknown."""
    numbers: Ints = pc.fill_null(values, 0).to_numpy()
    return numbers


def _added(amounts: Iterable[Mapping[int, float]]) -> Mapping[int, float]:
    total: dict[int, float] = {}
    for each in amounts:
        for scale, megapixels in each.items():
            total[scale] = total.get(scale, 0.0) + megapixels
    return total
