"""The invariants of a run, checked from its storage alone.

A plan and its parts have the same image ids, each once per round; the output of every ok row exists
and matches its size and SHA-256; every failed row has an error class; images/ and metrics/ hold
nothing else. An output may exist although the latest row of its image is failed: it was written
before the image failed and never measured; a further round adopts it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from sr_core.archive.ledger.chain import root_hash_of
from sr_core.archive.ledger.history import Part, list_parts, list_rounds, read_parts, read_plan
from sr_core.archive.ledger.layout import (
    IMAGES_PREFIX,
    METRICS_PREFIX,
    RUN_KEY,
    parse_part_name,
    plan_name,
    success_name,
)
from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.ledger.rounds import STATE_COLUMNS, Success, success_from_json, summarise
from sr_core.archive.ledger.runs import RunRecord, identity
from sr_core.archive.storage import Store, sha256_of
from sr_core.audit.verify.findings import Finding, broken, unfinished
from sr_core.audit.verify.shards import repeated, verify_shard
from sr_core.errors import ConfigurationError, DamagedError, StorageError

_PLAN_COLUMNS = ["image_id", "key", "shard", "output_key"]


def verify_run(store: Store) -> list[Finding]:
    """Check every invariant of the run in a root; reads all outputs.

    Returns:
        The problems found; none for a run that is complete and intact.

    Raises: StorageUnavailableError if the root cannot be read now.
    """
    try:
        run = Ledger(store).run()
    except ConfigurationError as error:
        return [broken(RUN_KEY, str(error))]
    if run is None:
        return [broken(RUN_KEY, f"{store.uri} holds no run: run.json is missing")]
    return list(_verify(store, run))


def _verify(store: Store, run: RunRecord) -> Iterator[Finding]:
    if identity(run) != run.run_id:
        yield broken(RUN_KEY, "its contents do not match its run id: it was changed")
    rounds = list_rounds(store)
    if not rounds:
        yield unfinished(plan_name(0), "the run has no plan yet")
    parts = list_parts(store)
    yield from _verify_metrics_names(store, rounds)
    planned = []
    for round_index in rounds:
        try:
            plan = read_plan(store, round_index, _PLAN_COLUMNS)
        except (StorageError, DamagedError) as error:
            yield broken(plan_name(round_index), str(error))
            continue
        yield from _verify_plan(run, round_index, plan)
        of_round = [part for part in parts if part.round_index == round_index]
        yield from _verify_round(store, run, plan.sort_by("shard"), round_index, of_round)
        planned.append(plan.select(["image_id", "output_key"]).replace_schema_metadata())
    if len(planned) == len(rounds) > 0:
        yield from _verify_outputs_names(store, pa.concat_tables(planned))


def _verify_plan(run: RunRecord, round_index: int, plan: pa.Table) -> Iterator[Finding]:
    metadata = plan.schema.metadata or {}
    if metadata.get(b"srfleet.run_id", b"").decode() != run.run_id:
        yield broken(plan_name(round_index), f"it is not a plan of run {run.run_id}")
    for image_id in repeated(plan.column("image_id")):
        yield broken(image_id, f"{plan_name(round_index)} lists it more than once")


def _verify_round(
    store: Store, run: RunRecord, plan: pa.Table, round_index: int, parts: Sequence[Part]
) -> Iterator[Finding]:
    """Check the parts of a round against its plan, which is sorted by shard."""
    committed = {part.shard: part for part in parts}
    found: list[Part] = []
    left = 0
    for shard, planned in _by_shard(plan):
        part = committed.pop(shard, None)
        if part is None:
            left += 1
        else:
            found.append(part)
            yield from verify_shard(store, run, part, planned)
    for part in committed.values():
        yield broken(part.key, f"{plan_name(round_index)} has no shard {part.shard}")
    yield from _verify_success(store, run, round_index, found, left)


def _by_shard(plan: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    start = 0
    counts = pc.value_counts(plan.column("shard")).to_pylist()  # in order of appearance
    for shard, size in ((each["values"], each["counts"]) for each in counts):
        yield shard, plan.slice(start, size)
        start += size


def _verify_success(
    store: Store, run: RunRecord, round_index: int, parts: Sequence[Part], left: int
) -> Iterator[Finding]:
    key = success_name(round_index)
    closed = store.head(key) is not None
    if left:
        message = f"{left} shards of round {round_index} are not committed"
        yield (
            broken(key, f"the round is closed, but {message}")
            if closed
            else unfinished(key, f"{message}; run the same command again")
        )
    elif not closed:
        yield unfinished(key, f"round {round_index} is not closed; run the same command again")
    else:
        try:
            stated = success_from_json(store.read(key))
            yield from _verify_digests(store, key, stated)
            rows = read_parts(store, [part.key for part in parts], STATE_COLUMNS)
        except (StorageError, DamagedError) as error:
            yield broken(key, str(error))
            return
        counted = summarise(run.run_id, round_index, len(parts), rows)
        if _counts(stated) != _counts(counted):
            yield broken(key, f"it says {_counts(stated)}, the parts say {_counts(counted)}")


def _counts(success: Success) -> dict[str, object]:
    names = ("run_id", "round_index", "shards", "images", "statuses", "error_classes")
    return {name: getattr(success, name) for name in names}


def _verify_digests(store: Store, key: str, stated: Success) -> Iterator[Finding]:
    if stated.root_hash is None:
        return
    if root_hash_of(stated.digests) != stated.root_hash:
        yield broken(key, "its root hash is not that of its digests")
    for covered, digest in stated.digests.items():
        try:
            if sha256_of(store, covered)[0] != digest:
                yield broken(covered, f"it was changed after {key} was written")
        except StorageError as error:
            yield broken(covered, str(error))


def _verify_metrics_names(store: Store, rounds: Sequence[int]) -> Iterator[Finding]:
    for info in store.list(METRICS_PREFIX):
        place = parse_part_name(info.key)
        if place is None:
            yield broken(
                info.key, "it is not a metrics part, but readers of metrics/* will read it"
            )
        elif place[0] not in rounds:
            yield broken(info.key, f"round {place[0]} has no plan")


def _verify_outputs_names(store: Store, planned: pa.Table) -> Iterator[Finding]:
    """Check that no images share an output, and that every object under images/ is planned."""
    named = planned.filter(pc.is_valid(planned.column("output_key")))
    owners = named.group_by(["output_key", "image_id"]).aggregate([])
    for key in repeated(owners.column("output_key")):
        yield broken(key, "it is planned as the output of two images")
    keys = set(owners.column("output_key").to_pylist())
    for info in store.list(IMAGES_PREFIX):
        if info.key not in keys:
            yield broken(info.key, "it is in no plan")
