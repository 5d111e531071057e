"""Manifest rows of invented images, and plans of them."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

from sr_core.archive.planning.plan import Plan, make_plan
from sr_core.archive.source.manifest import image_id
from sr_core.archive.tables import manifest_table, plan_rows
from sr_core.config import RunConfig
from sr_core.records import ManifestRow, PlannedImage


def image_row(
    key: str, width: int = 100, height: int = 50, kind: str = "JPEG", **more: Any
) -> ManifestRow:
    """Return the row of an image as a probe would."""
    described = {"size_bytes": 1000, "format": kind, "mode": "RGB", "pages": 1} | more
    return ManifestRow(image_id(key), key, width_px=width, height_px=height, **described)


def plan_of(
    rows: Sequence[ManifestRow],
    run: RunConfig | None = None,
    *,
    megapixels: float = float("inf"),
    images: int = 256,
    taken: Set[str] = frozenset(),
) -> Plan:
    """Plan rows in as few shards as the limits allow."""
    return make_plan(
        manifest_table(rows),
        run=run or RunConfig(),
        shard_megapixels=megapixels,
        shard_images=images,
        taken_keys=taken,
    )


def planned(plan: Plan) -> dict[str, PlannedImage]:
    """Return the images of a plan by key, in the order of the plan."""
    return {image.image.key: image for image in plan_rows(plan.table)}
