"""Checks of a plan: its columns, its images, and the manifest that it was made from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sr_core.archive.ledger.layout import IMAGES_PREFIX, plan_name
from sr_core.archive.ledger.runs import RunRecord
from sr_core.archive.schemas import MANIFEST_SCHEMA, PLAN_OWN_COLUMNS
from sr_core.archive.source.manifest import digest_in_key_order
from sr_core.audit.verify.findings import Finding, Kind, broken, noted
from sr_core.audit.verify.parts import repeated
from sr_core.audit.verify.rules import PLANNED_COLUMNS
from sr_core.records import Status

READ_COLUMNS = tuple(
    name
    for name in (*MANIFEST_SCHEMA.names, *PLAN_OWN_COLUMNS)
    if name in {*PLANNED_COLUMNS, "image_id", "shard", "reference_key", "sidecars"}
)
"""Columns of a plan that verification reads."""


def check_plan(
    run: RunRecord, round_index: int, plan: pa.Table, *, is_sealed: bool
) -> Iterator[Finding]:
    """Check a plan.

    Args:
        run: the record of its run.
        round_index: round of the plan.
        plan: the plan, with READ_COLUMNS.
        is_sealed: True if a closing record has the digest of the plan.
    """
    name = plan_name(round_index)
    metadata = plan.schema.metadata or {}
    expected = {"run_id": run.run_id, "round": str(round_index)}
    stated = {
        each: metadata.get(f"srfleet.{each}".encode(), b"").decode(errors="replace")
        for each in expected
    }
    if stated["run_id"] != run.run_id:
        yield broken(Kind.PLAN, name, f"it is not a plan of run {run.run_id}")
    elif stated != expected:
        yield broken(Kind.PLAN, name, f"it is the plan of round {stated['round'] or 'nothing'}")
    for key in _keys_of(plan, repeated(plan.column("image_id"))):
        yield broken(Kind.PLAN, key, f"{name} lists it more than once")
    yield from _check_shards(name, plan)
    yield from _check_outputs(name, plan)
    if round_index == 0:
        yield from _check_manifest(run, name, plan, is_sealed=is_sealed)


def _check_shards(name: str, plan: pa.Table) -> Iterator[Finding]:
    shards = plan.column("shard").to_numpy()
    steps = np.diff(shards, prepend=0)
    if len(shards) and (shards[0] != 0 or steps.min() < 0 or steps.max() > 1):
        yield broken(Kind.PLAN, name, "its shards are not numbered from 0 in the order of its rows")


def _check_outputs(name: str, plan: pa.Table) -> Iterator[Finding]:
    is_ok = pc.equal(plan.column("status"), Status.OK)
    key = plan.column("output_key")
    wrong = {
        "it is {status} in {name}, but has an output": pc.and_(pc.invert(is_ok), pc.is_valid(key)),
        "it is ok in {name}, but has no output": pc.and_(is_ok, pc.is_null(key)),
        "it is {status} in {name} with error class {error_class}": pc.xor(
            is_ok, pc.is_null(plan.column("error_class"))
        ),
        "its output in {name} is {output_key}": pc.invert(pc.starts_with(key, IMAGES_PREFIX)),
    }
    for message, mask in wrong.items():
        for row in plan.filter(pc.fill_null(mask, False)).to_pylist():
            yield broken(Kind.PLAN, row["key"], message.format(name=name, **row))


def _check_manifest(
    run: RunRecord, name: str, plan: pa.Table, *, is_sealed: bool
) -> Iterator[Finding]:
    digest = digest_in_key_order(plan)
    if digest == run.manifest_digest:
        return
    if is_sealed:
        message = f"its images make the manifest digest {digest}, not that of run.json"
        yield broken(Kind.PLAN, name, message)
    else:
        yield noted(
            Kind.PLAN,
            name,
            "its images do not make the manifest digest of run.json: it was changed, or an earlier "
            "version planned a manifest that was not in the order of its keys",
        )


def _keys_of(plan: pa.Table, image_ids: list[str]) -> list[str]:
    mask = pc.is_in(plan.column("image_id"), pa.array(image_ids, pa.string()))
    return list(dict.fromkeys(plan.column("key").filter(mask).to_pylist()))
