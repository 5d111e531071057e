"""The plan of a round: every manifest row in one shard, with the name and size of its output."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sr_core.archive.planning.networks import Ints
from sr_core.archive.planning.output_names import name_outputs
from sr_core.archive.planning.outputs import (
    Sizes,
    costs_px,
    mapped,
    measure_sizes,
    output_formats,
    over_limits,
)
from sr_core.archive.planning.sidecars import plan_sidecars
from sr_core.archive.planning.summary import PlanSummary, summarise
from sr_core.archive.schemas import MANIFEST_SCHEMA, PLAN_SCHEMA
from sr_core.config import RunConfig
from sr_core.errors import ConfigurationError, ErrorClass
from sr_core.imaging.codecs import EXTENSIONS
from sr_core.records import Status

Mask = NDArray[np.bool_]

_VERSION_COLUMNS = ["image_id", "size_bytes", "etag"]


@dataclass(frozen=True, slots=True)
class Plan:
    """The images of one round, a table of PLAN_SCHEMA sorted by shard; shards count from 0."""

    table: pa.Table
    round_index: int
    shards: int
    summary: PlanSummary


def make_plan(
    manifest: pa.Table,
    *,
    run: RunConfig,
    shard_megapixels: float,
    shard_images: int,
    round_index: int = 0,
    taken_keys: Iterable[str] = frozenset(),
    sidecars: Iterable[str] = (),
) -> Plan:
    """Name the outputs, refuse images over a limit, and divide the others into shards.

    The largest images come first, equal ones in key order; refused rows come last. A shard has at
    most `shard_images` rows, and at most `shard_megapixels` unless it is a single image. An image
    counts with the pixels of all its pages, those of the source, the output or the network's
    output, whichever are most; an unprobed one counts with its hints or its bytes.

    Args:
        manifest: a table of MANIFEST_SCHEMA, in any order.
        run: has sizes, formats and limits.
        shard_megapixels: upper limit of a shard.
        shard_images: upper limit of a shard.
        round_index: 0 for the first round.
        taken_keys: keys of earlier rounds that no output and no copy of a sidecar may have.
        sidecars: keys of sidecars that earlier rounds list; used if the run copies sidecars.

    Raises: ConfigurationError if two rows have the same image id.
    """
    manifest = _in_key_order(manifest.select(MANIFEST_SCHEMA.names))
    _check_ids(manifest)
    sizes, formats = measure_sizes(manifest, run), output_formats(manifest, run)
    manifest, refused = _refuse(manifest, over_limits(sizes, formats, run))
    is_ok = _is_ok(manifest)
    costs = np.where(is_ok, costs_px(manifest, sizes, run), 0)
    order = np.argsort(-costs, kind="stable")
    shard = _cut(costs[order], shard_megapixels, shard_images)
    outputs, renamed = _outputs(manifest, is_ok, sizes, formats, taken_keys)
    outputs["sidecars"] = _sidecars(manifest, outputs["output_key"], run, sidecars, taken_keys)
    table = _assemble(manifest, outputs, order, shard)
    shards = int(shard[-1]) + 1 if len(shard) else 0
    summary = summarise(table, shards, renamed, refused, model=run.model)
    return Plan(table, round_index, shards, summary)


def keys_of_others(earlier: Iterable[pa.Table], manifest: pa.Table) -> set[str]:
    """Collect the output keys that earlier plans gave to other images or other versions of them.

    These are the taken_keys of a further round: an image keeps its output name only if its source
    is unchanged, because an existing output of that name is adopted. An unknown version differs
    from all others.

    Args:
        earlier: plans with at least image_id, size_bytes, etag and output_key.
        manifest: the manifest of the further round.
    """
    versions = manifest.select(_VERSION_COLUMNS)
    keys: set[str] = set()
    for plan in earlier:
        named = plan.select([*_VERSION_COLUMNS, "output_key"])
        others = named.join(versions, _VERSION_COLUMNS, join_type="left anti")
        keys.update(pc.drop_null(others["output_key"]).to_pylist())
    return keys


def replaced_keys(earlier: Sequence[pa.Table]) -> set[str]:
    """Collect the keys of outputs and copied sidecars that a later plan of their image replaced.

    The former ones are damaged, or were made from another version of the source.

    Args:
        earlier: plans with at least image_id, output_key and sidecars, the first round first.
    """
    current: dict[str, set[str]] = {}
    for plan in earlier[1:]:
        current |= {image: keys for image, keys in _planned_keys(plan) if keys}
    replaced: set[str] = set()
    for plan in earlier:
        again = plan.filter(pc.is_in(plan["image_id"], pa.array(current, pa.string())))
        for image, keys in _planned_keys(again):
            replaced |= keys - current[image]
    return replaced


def _planned_keys(plan: pa.Table) -> Iterator[tuple[str, set[str]]]:
    """Yield each image of a plan with the keys of its output and of the copies of its sidecars."""
    columns = (plan[name].to_pylist() for name in ("image_id", "output_key", "sidecars"))
    for image, key, sidecars in zip(*columns, strict=True):
        yield image, {each["output_key"] for each in sidecars or ()} | ({key} - {None})


def _in_key_order(manifest: pa.Table) -> pa.Table:
    keys = manifest["key"].combine_chunks()
    if pc.all(pc.less_equal(keys[:-1], keys[1:])).as_py() is False:
        return manifest.sort_by([("key", "ascending"), ("image_id", "ascending")])
    return manifest


def _check_ids(manifest: pa.Table) -> None:
    """Refuse equal ids, which would lose an image: with 10^7 keys, in 1 of 370,000 archives."""
    if pc.count_distinct(manifest["image_id"]).as_py() == len(manifest):
        return
    counts = pc.value_counts(manifest["image_id"])
    twice = counts.filter(pc.greater(pc.struct_field(counts, "counts"), 1))
    same = pc.is_in(manifest["image_id"], pc.struct_field(twice, "values"))
    keys = manifest["key"].filter(same).slice(0, 2).to_pylist()
    raise ConfigurationError(
        f"two rows of the manifest have the same image id: {keys}; leave one of them out"
    )


def _is_ok(manifest: pa.Table) -> Mask:
    mask: Mask = pc.equal(manifest["status"], Status.OK).to_numpy()
    return mask


def _only(mask: Mask, values: pa.Array) -> pa.Array:
    """Set the values outside of the mask to null."""
    return pc.if_else(pa.array(mask), values, pa.scalar(None, values.type))


def _refuse(manifest: pa.Table, excesses: Iterable[tuple[int, str]]) -> tuple[pa.Table, list[str]]:
    """Mark the images over a limit as failed, and return their keys."""
    is_ok = _is_ok(manifest)
    messages: dict[int, str] = {}
    for position, message in excesses:
        if is_ok[position]:
            messages.setdefault(position, message)
    positions = sorted(messages)
    keys = manifest["key"].take(pa.array(positions, pa.int64())).to_pylist()
    mask = np.zeros(len(manifest), bool)
    mask[positions] = True
    for name, value in (
        ("status", [Status.FAILED] * len(keys)),
        ("error_class", [ErrorClass.TOO_LARGE] * len(keys)),
        ("error_message", [messages[position] for position in positions]),
    ):
        column = manifest[name].combine_chunks()
        replaced = pc.replace_with_mask(column, mask, pa.array(value, pa.string()))
        index = manifest.schema.get_field_index(name)
        manifest = manifest.set_column(index, manifest.schema.field(name), replaced)
    return manifest, keys


def _outputs(
    manifest: pa.Table,
    is_ok: Mask,
    sizes: Sizes,
    formats: pa.DictionaryArray,
    taken_keys: Iterable[str],
) -> tuple[dict[str, pa.ChunkedArray], list[str]]:
    """Build the output columns, and return the keys of sources whose outputs are renamed."""
    formats = _only(is_ok, formats.cast(pa.string()))
    extensions = mapped(formats, EXTENSIONS.__getitem__)
    names = name_outputs(manifest["key"], manifest["image_id"], extensions, taken_keys)
    has_size = is_ok & (sizes.output_width_px > 0)
    columns = {
        "output_key": names.keys,
        "output_format": formats,
        "output_width_px": _only(has_size, pa.array(sizes.output_width_px)),
        "output_height_px": _only(has_size, pa.array(sizes.output_height_px)),
    }
    return columns, manifest["key"].take(pa.array(names.renamed, pa.int64())).to_pylist()


def sidecar_keys(files: pa.Table) -> list[str]:
    """Return the keys of the sidecars among files with the columns key and error_class."""
    is_sidecar = pc.equal(files["error_class"], ErrorClass.SIDECAR)
    keys: list[str] = files["key"].filter(pc.fill_null(is_sidecar, fill_value=False)).to_pylist()
    return keys


def _sidecars(
    manifest: pa.Table,
    output_keys: pa.ChunkedArray,
    run: RunConfig,
    earlier: Iterable[str],
    taken_keys: Iterable[str],
) -> pa.Array:
    """Build the column of sidecars: null for files without an output, and without the setting."""
    kind = PLAN_SCHEMA.field("sidecars").type
    if not run.sidecars:
        return pa.nulls(len(manifest), kind)
    outputs = output_keys.to_pylist()
    keys = manifest["key"].to_pylist()
    planned = plan_sidecars({*sidecar_keys(manifest), *earlier}, keys, outputs, taken_keys)
    found = (
        None if output is None else list(map(asdict, planned.get(position, ())))
        for position, output in enumerate(outputs)
    )
    return pa.array(found, kind)


def _assemble(
    manifest: pa.Table, outputs: dict[str, pa.ChunkedArray], order: Ints, shard: Ints
) -> pa.Table:
    """Join the columns in shard order, freeing each after it is copied."""
    columns = []
    for name in PLAN_SCHEMA.names:
        if name == "shard":
            columns.append(pa.array(shard))
        else:
            column = outputs.pop(name) if name in outputs else manifest[name]
            columns.append(column.take(pa.array(order)))
    return pa.Table.from_arrays(columns, schema=PLAN_SCHEMA)


def _cut(costs_px: Ints, megapixels: float, bound_images: int) -> Ints:
    """Assign a shard number to every image, in the given order."""
    total = np.cumsum(costs_px)
    bound_px = int(min(megapixels * 1e6, total[-1])) if len(total) else 0
    shard = np.empty(len(costs_px), np.int64)
    start = number = 0
    while start < len(costs_px):
        before = total[start - 1] if start else 0
        end = int(np.searchsorted(total, before + bound_px, side="right"))
        end = min(max(end, start + 1), start + bound_images)
        shard[start:end] = number
        start, number = end, number + 1
    return shard
