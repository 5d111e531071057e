"""Checks of the closing records: digests, root hashes and counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from sr_core.archive.ledger.chain import covered_keys, root_hash_of
from sr_core.archive.ledger.layout import METRICS_PREFIX, parse_part_name, success_name
from sr_core.archive.ledger.rounds import Success, success_from_json
from sr_core.archive.ledger.runs import RunRecord
from sr_core.archive.storage import Store, sha256_of
from sr_core.audit.verify.findings import Finding, Kind, broken, noted, unfinished
from sr_core.errors import DamagedError, ErrorClass, StorageError


@dataclass(frozen=True, slots=True, eq=False)
class Closed:
    """The closing records of a run, by round, and the digests that they hold, by key."""

    records: Mapping[int, Success]
    digests: Mapping[str, str]
    findings: tuple[Finding, ...]

    @property
    def root_hash(self) -> str | None:
        """Root hash of the last closed round, from its digests; None if it has none."""
        last = self.records.get(max(self.records, default=-1))
        return None if last is None or last.root_hash is None else root_hash_of(last.digests)

    @property
    def last_round(self) -> int | None:
        """The last closed round; None if none is."""
        return max(self.records, default=None)


def read_closing_records(store: Store, rounds: Sequence[int]) -> Closed:
    """Read the closing records of a run, and check their digests of all objects but the parts."""
    records: dict[int, Success] = {}
    digests: dict[str, str] = {}
    found: list[Finding] = []
    for round_index in rounds:
        key = success_name(round_index)
        try:
            records[round_index] = success_from_json(store.read(key))
        except StorageError as error:
            if error.error_class is not ErrorClass.NOT_FOUND:
                found.append(broken(Kind.CLOSING_RECORD, key, str(error)))
            continue
        except DamagedError as error:
            found.append(broken(Kind.CLOSING_RECORD, key, str(error)))
            continue
        found += _check_record(key, records[round_index])
        digests |= records[round_index].digests
    for key, digest in digests.items():
        if not key.startswith(METRICS_PREFIX):
            found += _check_digest(store, key, digest)
    return Closed(records, digests, tuple(found))


def check_round(
    store: Store,
    run: RunRecord,
    round_index: int,
    closed: Closed,
    shards: Sequence[int],
    left: int,
    rows: pa.Table | None,
) -> Iterator[Finding]:
    """Check that a round is closed, and that its record agrees with its parts.

    Args:
        store: the root of the run.
        run: the record of the run.
        round_index: a planned round.
        closed: the closing records.
        shards: numbers of the committed shards.
        left: number of planned shards that are not committed.
        rows: their rows, with status and error_class; None if a part cannot be read.
    """
    key = success_name(round_index)
    record = closed.records.get(round_index)
    is_there = record is not None or store.head(key) is not None
    if left:
        message = f"{left} shards of round {round_index} are not committed"
        yield (
            broken(Kind.CLOSING_RECORD, key, f"the round is closed, but {message}")
            if is_there
            else unfinished(key, f"{message}; run the same command again")
        )
    elif not is_there:
        yield unfinished(key, f"round {round_index} is not closed; run the same command again")
    elif record is not None and rows is not None:
        stated = _stated(record)
        counted = _counted(run.run_id, round_index, len(shards), rows)
        if stated != counted:
            yield broken(Kind.CLOSING_RECORD, key, f"it says {stated}, the parts say {counted}")
    if record is not None and record.root_hash is not None:
        yield from _check_coverage(key, record, round_index, shards)
    elif record is not None:
        yield noted(Kind.DIGEST, key, "it has no digests: an earlier version closed the round")


def _check_record(key: str, record: Success) -> Iterator[Finding]:
    if bool(record.digests) != (record.root_hash is not None):
        yield broken(Kind.CLOSING_RECORD, key, "it has digests or a root hash, but not both")
    elif record.root_hash is not None and root_hash_of(record.digests) != record.root_hash:
        yield broken(Kind.CLOSING_RECORD, key, "its root hash is not that of its digests")


def _check_digest(store: Store, key: str, digest: str) -> Iterator[Finding]:
    try:
        if sha256_of(store, key)[0] != digest:
            yield broken(Kind.DIGEST, key, "it was changed after its round was closed")
    except StorageError as error:
        yield broken(Kind.DIGEST, key, str(error))


def _check_coverage(
    key: str, record: Success, round_index: int, shards: Sequence[int]
) -> Iterator[Finding]:
    """Check that a record has digests of the objects that it must cover."""
    wanted = covered_keys({round_index: shards})
    missing = [each for each in wanted if each not in record.digests]
    if missing:
        yield broken(Kind.CLOSING_RECORD, key, f"it has no digest of {', '.join(missing[:5])}")
    own = {each for each in record.digests if parse_part_name(each) is not None}
    gone = own.difference(wanted)
    for each in sorted(gone):
        place = parse_part_name(each)
        if place is not None and place[0] == round_index:
            yield broken(Kind.DIGEST, each, "it is missing since its round was closed")


def _stated(record: Success) -> dict[str, object]:
    return {
        "run_id": record.run_id,
        "round": record.round_index,
        "shards": record.shards,
        "images": record.images,
        "statuses": {str(name): count for name, count in sorted(record.statuses.items())},
        "error_classes": {str(name): count for name, count in sorted(record.error_classes.items())},
    }


def _counted(run_id: str, round_index: int, shards: int, rows: pa.Table) -> dict[str, object]:
    return {
        "run_id": run_id,
        "round": round_index,
        "shards": shards,
        "images": len(rows),
        "statuses": _counts(rows.column("status")),
        "error_classes": _counts(rows.column("error_class")),
    }


def _counts(column: pa.ChunkedArray) -> dict[str, int]:
    """Count values, of which a changed row may have unknown ones."""
    pairs = pc.value_counts(column.drop_null()).to_pylist()
    return dict(sorted((pair["values"], pair["counts"]) for pair in pairs))
