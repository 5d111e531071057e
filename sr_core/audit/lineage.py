"""The lineage of an image: what made its output, and the digests that lead to the root hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sr_core.archive.ledger.history import list_rounds, read_part, read_plan
from sr_core.archive.ledger.layout import part_name, success_name
from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.ledger.rounds import Success, success_from_json
from sr_core.archive.ledger.runs import RunRecord
from sr_core.archive.schemas import METRICS_SCHEMA, PLAN_SCHEMA
from sr_core.archive.storage import Store
from sr_core.archive.tables import UNREADABLE, metrics_rows, plan_rows
from sr_core.errors import ConfigurationError, ErrorClass, StorageError
from sr_core.models.cards import CARDS
from sr_core.records import MetricsRow, PlannedImage, Status


@dataclass(frozen=True, slots=True)
class Weights:
    """A checkpoint that made an output."""

    model: str
    scale: int | None
    sha256: str | None
    """None for interpolation."""
    licence: str | None
    """None if the weights are not shipped ones."""


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """A round of an image: its plan, and its committed row, if any."""

    round_index: int
    planned: PlannedImage
    row: MetricsRow | None
    part: str
    """Key of the metrics part that commits the row."""
    part_sha256: str | None
    is_covered: bool
    """True if the closing record of the round has this digest of the part."""
    root_hash: str | None
    """Root hash of the round; None if it is not closed or has none."""
    weights: tuple[Weights, ...]
    versions: Mapping[str, str]
    """Versions of the libraries that computed the part."""


@dataclass(frozen=True, slots=True, eq=False)
class Lineage:
    """An image of a run and its rounds, the first one first. The last one with a row counts."""

    run: RunRecord
    image_id: str
    key: str
    steps: tuple[Step, ...]
    root_hash: str | None
    """Root hash of the last closed round, which covers all; None if it has none."""


def trace(store: Store, image: str) -> Lineage:
    """Find an image in a run and collect what is known about it.

    Args:
        store: the root of the run.
        image: key of the source, image id, or key of an output.

    Raises: ConfigurationError if the root holds no run, or the run no such image; DamagedError
        for an unreadable plan.
    """
    run = Ledger(store).run()
    if run is None:
        raise ConfigurationError(f"{store.uri} holds no run: it has no run.json")
    rounds = list_rounds(store)
    image_id = _find(store, rounds, image)
    if image_id is None:
        raise ConfigurationError(
            f"{store.uri} has no image {image!r}; give the key of a source relative to "
            f"{run.source_uri}, an image id, or the key of an output (images/...)"
        )
    records = {each: _closing_record(store, each) for each in rounds}
    steps = tuple(_steps(store, run, records, image_id))
    hashes = [each.root_hash for each in records.values() if each is not None]
    key = steps[-1].planned.image.key
    return Lineage(run, image_id, key, steps, hashes[-1] if hashes else None)


def _find(store: Store, rounds: list[int], image: str) -> str | None:
    """Return the id of an image; of several rows with one key, the one that is no duplicate."""
    names = ("image_id", "key", "output_key")
    wanted = pc.field(names[0]) == image
    for name in names[1:]:
        wanted |= pc.field(name) == image
    for round_index in reversed(rounds):
        found = read_plan(store, round_index, [*names, "status"], wanted).to_pylist()
        found.sort(key=lambda row: bool(row["status"] == Status.DUPLICATE))
        if found:
            return str(found[0]["image_id"])
    return None


def _steps(
    store: Store, run: RunRecord, records: Mapping[int, Success | None], image_id: str
) -> Iterator[Step]:
    for round_index, record in records.items():
        wanted = pc.field("image_id") == image_id
        for planned in plan_rows(read_plan(store, round_index, PLAN_SCHEMA.names, wanted)):
            part = part_name(round_index, planned.shard)
            row, digest, versions = _read_row(store, part, image_id)
            yield Step(
                round_index,
                planned,
                row,
                part,
                digest,
                record is not None and digest is not None and record.digests.get(part) == digest,
                None if record is None else record.root_hash,
                () if row is None else tuple(_weights(run, row)),
                versions,
            )


def _read_row(
    store: Store, part: str, image_id: str
) -> tuple[MetricsRow | None, str | None, Mapping[str, str]]:
    """Read the row of an image, the digest of its part, and the versions that computed it."""
    if store.head(part) is None:
        return None, None, {}
    data = store.read(part)
    table = read_part(store, part, METRICS_SCHEMA.names)
    rows = metrics_rows(table.filter(pc.equal(table.column("image_id"), image_id)))
    try:
        metadata = pq.read_schema(pa.BufferReader(data)).metadata or {}
        versions = json.loads(metadata.get(b"srfleet.versions", b"{}"))
    except (*UNREADABLE, ValueError):
        versions = {}
    return rows[0] if rows else None, hashlib.sha256(data).hexdigest(), versions


def _weights(run: RunRecord, row: MetricsRow) -> Iterator[Weights]:
    for model in (row.model or "").split(", ") if row.model else ():
        named = run.checkpoints.get(f"{model} x{row.model_scale}", run.checkpoint_sha256)
        licences = [card.licence for card in CARDS if card.sha256 == named]
        yield Weights(model, row.model_scale, named, licences[0] if licences else None)


def _closing_record(store: Store, round_index: int) -> Success | None:
    try:
        return success_from_json(store.read(success_name(round_index)))
    except StorageError as error:
        if error.error_class is ErrorClass.NOT_FOUND:
            return None
        raise
