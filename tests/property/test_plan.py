"""Plans of any manifest: each row in one shard, limits kept, unique names, deterministic."""

from __future__ import annotations

import random
import unicodedata
from collections import Counter, defaultdict
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sr_core.archive.planning.output_names import NAME_MAX_BYTES
from sr_core.archive.planning.outputs import output_size
from sr_core.archive.source.manifest import image_id
from sr_core.archive.tables import plan_rows
from sr_core.config import RunConfig
from sr_core.errors import ErrorClass
from sr_core.records import ManifestRow, PlannedImage, Status
from tests.support.manifest_rows import plan_of

_PARTS = st.one_of(
    st.sampled_from(["a", "A", "b", "a.jpg", "A.JPG", "a.png", "a.b.png", ".jpg", "caf\u00e9.tif"]),
    st.sampled_from(
        ["cafe\u0301.jpg", "\u00df.png", "SS.jpg", "x" * 250 + ".j2k", "\u01c4", "\u01c6"]
    ),
    st.text("aAbB.\u00e9\u00df", min_size=1, max_size=4).filter(lambda part: part.strip(".") != ""),
)
_KEYS = st.lists(_PARTS, min_size=1, max_size=3).map("/".join)
_SIDES = st.integers(1, 30_000)


@st.composite
def _rows(draw: st.DrawFn, key: str) -> ManifestRow:
    row = ManifestRow(image_id(key), key, draw(st.none() | st.integers(1, 1 << 31)))
    kind = draw(st.sampled_from(["probed", "probed", "probed", "unprobed", "failed"]))
    if kind == "failed":
        return ManifestRow(
            row.image_id,
            key,
            status=Status.FAILED,
            error_class=ErrorClass.DECODE,
            error_message="x",
        )
    if kind == "unprobed":
        return row
    formats = st.sampled_from(["JPEG", "PNG", "WEBP", "TIFF", "BMP", "JXL"])
    return ManifestRow(
        row.image_id,
        key,
        row.size_bytes,
        format=draw(formats),
        mode="RGB",
        width_px=draw(_SIDES),
        height_px=draw(_SIDES),
        pages=draw(st.sampled_from([1, 1, 1, 5])),
    )


_MANIFESTS = st.lists(_KEYS, unique=True, max_size=25).flatmap(
    lambda keys: st.tuples(*(_rows(key) for key in keys))
)
_RUNS = st.builds(
    RunConfig,
    scale=st.sampled_from([2, 4]),
    target=st.none() | st.tuples(st.integers(1, 5000), st.integers(1, 5000)),
    format=st.sampled_from(["source", "jpeg", "webp"]),
)
_BOUNDS = st.fixed_dictionaries(
    {
        "megapixels": st.floats(0.001, 1e5) | st.just(float("inf")),
        "images": st.integers(1, 8),
    }
)


def _cost_px(planned: PlannedImage) -> int | None:
    """Return the cost of an image for an x4 network; None if only the plan can estimate it."""
    image = planned.image
    if image.status is not Status.OK:
        return 0
    if image.format is None:
        return None
    source_px = (image.width_px or 0) * (image.height_px or 0)
    output_px = (planned.output_width_px or 0) * (planned.output_height_px or 0)
    return max(16 * source_px, output_px) * (image.pages or 0)


@given(_MANIFESTS, _RUNS, _BOUNDS)
def test_every_row_is_in_exactly_one_shard(
    rows: tuple[ManifestRow, ...], run: RunConfig, bounds: dict[str, Any]
) -> None:
    plan = plan_of(rows, run, **bounds)
    planned = plan_rows(plan.table)
    assert Counter(each.image.image_id for each in planned) == Counter(row.image_id for row in rows)
    assert sorted({each.shard for each in planned}) == list(range(plan.shards))
    given_rows = {row.image_id: row for row in rows}
    for each in planned:
        original = given_rows[each.image.image_id]
        assert each.image == original or each.image.error_class is ErrorClass.TOO_LARGE
        assert (each.output_key is None) == (each.image.status is not Status.OK)


@given(_MANIFESTS, _RUNS, _BOUNDS)
def test_shards_keep_their_bounds_and_go_from_large_to_small(
    rows: tuple[ManifestRow, ...], run: RunConfig, bounds: dict[str, Any]
) -> None:
    planned = plan_rows(plan_of(rows, run, **bounds).table)
    shards: dict[int, list[PlannedImage]] = defaultdict(list)
    for each in planned:
        shards[each.shard].append(each)
    for images in shards.values():
        assert len(images) <= bounds["images"]
        costs = [_cost_px(each) for each in images]
        known = [cost for cost in costs if cost is not None]
        assert len(images) == 1 or sum(known) <= bounds["megapixels"] * 1e6
    costs = [cost for each in planned if (cost := _cost_px(each)) is not None]
    assert costs == sorted(costs, reverse=True)


@given(_MANIFESTS, _RUNS, st.sets(_KEYS.map(lambda key: f"images/{key}")))
def test_output_names_are_apart_on_any_file_system(
    rows: tuple[ManifestRow, ...], run: RunConfig, taken: set[str]
) -> None:
    planned = plan_rows(plan_of(rows, run, taken=taken).table)
    names = [each.output_key for each in planned if each.output_key is not None]
    folded = [unicodedata.normalize("NFC", name.casefold()) for name in names]
    assert len(set(folded)) == len(folded)
    assert not {unicodedata.normalize("NFC", name.casefold()) for name in taken} & set(folded)
    folders = {
        "/".join(name.split("/")[:end]) for name in folded for end in range(1, name.count("/") + 1)
    }
    assert not folders & set(folded)
    for each in planned:
        if each.output_key is not None:
            folder = each.image.key.rpartition("/")[0]
            assert each.output_key.rpartition("/")[0] == f"images/{folder}".rstrip("/")
            assert len(each.output_key.rpartition("/")[2].encode()) <= NAME_MAX_BYTES


@given(_MANIFESTS, _RUNS, _BOUNDS, st.randoms())
def test_the_plan_depends_on_the_rows_and_not_on_their_order(
    rows: tuple[ManifestRow, ...], run: RunConfig, bounds: dict[str, Any], shuffle: random.Random
) -> None:
    shuffled = list(rows)
    shuffle.shuffle(shuffled)
    assert plan_of(rows, run, **bounds).table.equals(plan_of(shuffled, run, **bounds).table)


@given(_SIDES, _SIDES, st.tuples(st.integers(1, 20_000), st.integers(1, 20_000)))
def test_a_target_is_filled_and_never_exceeded(
    width: int, height: int, target: tuple[int, int]
) -> None:
    output = output_size(width, height, 4, target)
    assert all(1 <= side <= bound for side, bound in zip(output, target, strict=True))
    assert any(side == bound for side, bound in zip(output, target, strict=True))
    factor = min(target[0] / width, target[1] / height)
    for side, source in zip(output, (width, height), strict=True):
        assert abs(side - max(1, source * factor)) <= 0.5 + 1e-9
