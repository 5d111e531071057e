"""What a plan comes to, before anything is written: counts, megapixels, bytes, names, refusals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from sr_core.records import Status

NAMES_TOLD = 5
"""How many names a summary tells of each kind."""
_SIZE_COLUMNS = [
    "format",
    "pages",
    "width_px",
    "height_px",
    "output_format",
    "output_width_px",
    "output_height_px",
]
BYTES_PER_PIXEL = {"jpeg": 0.23, "png": 1.0, "webp": 0.12, "tiff": 1.05, "jxl": 0.76}
"""Mean of 34 upscaled photographs with 8 bits per channel, JPEG and WebP at quality 95; eight in
ten lie between half and one and a half of it. Source: benchmarks/output_bytes.py."""


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """What a plan comes to.

    `images` can be tried; of those, `unprobed` ones have unknown sizes and count in no megapixels
    and bytes. `native_megapixels` are what the model makes: a network upscales by its own scale,
    whatever size is wanted then. Output bytes are estimates, by format. `renamed` images could not
    have their plain output name. `over_limit` images were refused for their size and are among the
    `failed`.
    """

    rows: int
    images: int
    unprobed: int
    duplicates: int
    failed: Mapping[str, int]
    shards: int
    source_megapixels: float
    native_megapixels: float
    output_megapixels: float
    output_bytes: Mapping[str, int]
    renamed: int
    first_renamed: Sequence[str]
    over_limit: int
    first_over_limit: Sequence[str]


def summarise(
    planned: pa.Table,
    shards: int,
    renamed: Sequence[str],
    over_limit: Sequence[str],
    *,
    native_scale: int | None,
) -> PlanSummary:
    """Add up a plan.

    Args:
        planned: of PLAN_SCHEMA.
        shards: how many it has.
        renamed: keys of the sources whose outputs could not have their plain names.
        over_limit: keys of the sources that were refused for their size.
        native_scale: of a network; None where the model makes the wanted size at once.
    """
    images = planned.select(_SIZE_COLUMNS).filter(pc.equal(planned["status"], Status.OK))
    failed = planned.select(["error_class"]).filter(pc.equal(planned["status"], Status.FAILED))
    pixels = _product(images, "output_width_px", "output_height_px", "pages")
    by_format = pa.table({"format": images["output_format"], "pixels": pixels})
    totals = by_format.group_by("format").aggregate([("pixels", "sum")]).to_pylist()
    output_px = {row["format"]: row["pixels_sum"] or 0 for row in totals}
    source_px = _sum(_product(images, "width_px", "height_px", "pages"))
    native_px = source_px * native_scale**2 if native_scale else sum(output_px.values())
    return PlanSummary(
        rows=len(planned),
        images=len(images),
        unprobed=images["format"].null_count,
        duplicates=len(planned) - len(images) - len(failed),
        failed=Counter(failed["error_class"].to_pylist()),
        shards=shards,
        source_megapixels=source_px / 1e6,
        native_megapixels=native_px / 1e6,
        output_megapixels=sum(output_px.values()) / 1e6,
        output_bytes={name: int(BYTES_PER_PIXEL[name] * px) for name, px in output_px.items()},
        renamed=len(renamed),
        first_renamed=tuple(renamed[:NAMES_TOLD]),
        over_limit=len(over_limit),
        first_over_limit=tuple(over_limit[:NAMES_TOLD]),
    )


def _product(table: pa.Table, width: str, height: str, pages: str) -> pa.ChunkedArray:
    return pc.multiply(pc.multiply(table[width], table[height]), table[pages])


def _sum(values: pa.ChunkedArray) -> int:
    return int(pc.sum(values).as_py() or 0)
