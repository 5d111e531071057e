"""The ledger of a run: plans, outputs and commits under its root.

One output root is one run. Everything in it is written once, and the Parquet part of a shard under
metrics/ is its commit; no other record exists.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa

from sr_core.archive.ledger import history, runs
from sr_core.archive.ledger.chain import covered_keys, digests_of, root_hash_of
from sr_core.archive.ledger.layout import (
    IMAGES_PREFIX,
    METRICS_PREFIX,
    OWN_NAMES,
    RUN_KEY,
    part_name,
    plan_name,
    success_name,
)
from sr_core.archive.ledger.rounds import (
    STATE_COLUMNS,
    Success,
    contradiction,
    success_from_json,
    success_to_json,
    summarise,
)
from sr_core.archive.ledger.runs import RunRecord
from sr_core.archive.ledger.snapshot import Snapshot, read_snapshot
from sr_core.archive.ledger.versions import computing_versions
from sr_core.archive.storage import Origin, Store, read_blob
from sr_core.archive.tables import metrics_table, to_parquet
from sr_core.errors import (
    ConfigurationError,
    ErrorClass,
    ImageError,
    RetryLaterError,
    StorageError,
)
from sr_core.records import MetricsRow
from sr_core.scratch import Blob


class Ledger:
    """Writes and reads the root of a run.

    Every method can be repeated after a crash at any point, and called by several drivers at once.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._run: RunRecord | None = None

    # the run

    def run(self) -> RunRecord | None:
        """Read the record of the run; None if the root holds none.

        Raises: ConfigurationError if run.json is damaged.
        """
        if self._run is None:
            data = self._read_if_present(RUN_KEY)
            self._run = None if data is None else runs.from_json(data, self.store.uri)
        return self._run

    def open_run(self, record: RunRecord) -> RunRecord:
        """Begin a run, or resume it.

        Returns:
            The record as stored in run.json.

        Raises: ConfigurationError if the root holds another run (with a line for each option that
            differs), or outputs of unknown origin.
        """
        existing = self.run()
        if existing is None:
            self._check_unused()
            self.store.put_if_absent(RUN_KEY, runs.to_json(record))
            existing = self._existing_run()
        if existing.run_id != record.run_id:
            raise ConfigurationError(runs.describe_difference(self.store.uri, existing, record))
        return existing

    # plans

    def rounds(self) -> list[int]:
        """List the rounds that have a plan."""
        return history.list_rounds(self.store)

    def put_plan(self, round_index: int, data: bytes) -> bool:
        """Freeze the plan of a round.

        Returns:
            False if the round has a plan already, which is used instead of this one.
        """
        return self.store.put_if_absent(plan_name(round_index), data)

    # images

    def put_image(
        self,
        key: str,
        data: Blob,
        *,
        run_id: str,
        attempt: str,
        sha256: str,
        origin: Origin | None = None,
    ) -> bool:
        """Write an output.

        Args:
            key: its key.
            data: its content.
            run_id: id of the run.
            attempt: name of the attempt.
            sha256: hash of the content.
            origin: time and permissions of the source, if the output should have them.

        Returns:
            False if the key exists; `adoptable` reads it if it can be used.
        """
        metadata = {"run-id": run_id, "attempt": attempt, "sha256": sha256}
        carried = {} if origin is None else origin.as_metadata()
        return self.store.put_if_absent(key, data, metadata | carried)

    def adoptable(self, key: str, run_id: str) -> Blob | None:
        """Read an output written by an earlier attempt of this run; None if it does not exist.

        In a store that keeps no metadata, run.json is the proof of ownership, and the caller must
        check that the bytes are the expected image.

        Raises: ImageError (conflict) if the object is not of this run or is damaged.
        """
        try:
            data = read_blob(self.store, key)
        except StorageError as error:
            if error.error_class is ErrorClass.NOT_FOUND:
                return None
            raise
        if not self.store.keeps_metadata:
            return data
        metadata = self.store.metadata(key)
        if metadata.get("run-id") != run_id:
            owner = f"run {metadata['run-id']}" if "run-id" in metadata else "no run of srfleet"
            message = f"{key} exists and belongs to {owner}; it was left unchanged"
            raise ImageError(ErrorClass.CONFLICT, message)
        if hashlib.sha256(data).hexdigest() != metadata.get("sha256"):
            message = f"{key} exists but does not match its SHA-256; remove it"
            raise ImageError(ErrorClass.CONFLICT, message)
        return data

    def remove_leftovers(self) -> int:
        """Remove unfinished writes of this run's objects that are at least a day old."""
        return self.store.remove_leftovers(OWN_NAMES)

    # commits

    def commit(self, round_index: int, shard: int, rows: Sequence[MetricsRow]) -> bool:
        """Commit a shard, with one row for each of its images. A commit never changes.

        Returns:
            False if another attempt committed first; its rows count instead of these.

        Raises: ValueError for rows that contradict themselves or their shard.
        """
        _check_rows(round_index, shard, rows)
        metadata = {
            "srfleet.run_id": self._existing_run().run_id,
            "srfleet.round": str(round_index),
            "srfleet.shard": str(shard),
            "srfleet.versions": json.dumps(computing_versions(), sort_keys=True),
        }
        key = part_name(round_index, shard)
        data = to_parquet(metrics_table(rows), metadata)
        # If the answer to a put was lost, its retry finds the object of the first attempt.
        return self.store.put_if_absent(key, data) or self.store.read(key) == data

    # the state

    def snapshot(self, earlier: Snapshot | None = None) -> Snapshot:
        """Read the state of the run: rounds, committed shards and their rows, counts.

        Args:
            earlier: a snapshot of this run; only what is new since then is read.

        Raises: ConfigurationError if the root holds no run; DamagedError for a damaged plan or
            part.
        """
        return read_snapshot(self.store, self._existing_run(), earlier)

    def failed_images(self, state: Snapshot) -> pa.Table:
        """Read the manifest rows (MANIFEST_SCHEMA) of the images whose latest row is failed."""
        return history.manifest_rows_of(self.store, len(state.rounds), state.failed_ids())

    def finish_round(self, state: Snapshot, round_index: int) -> Success:
        """Close a round whose shards are all committed; a closed round stays as it is.

        Raises: RetryLaterError if shards are missing.
        """
        key = success_name(round_index)
        of_round = state.rounds[round_index]
        if of_round.left:
            raise RetryLaterError(
                f"{len(of_round.left)} of {len(of_round.shards)} shards of round {round_index} are "
                "not committed yet; run the same command again"
            )
        if not of_round.is_closed:
            counted = summarise(
                state.record.run_id, round_index, len(of_round.shards), of_round.rows
            )
            digests = digests_of(self.store, self._covered_keys(state, round_index))
            success = replace(counted, digests=digests, root_hash=root_hash_of(digests))
            self.store.put_if_absent(key, success_to_json(success))
        return success_from_json(self.store.read(key))

    def root_hash(self, state: Snapshot) -> str | None:
        """Read the root hash of the last closed round, which covers the whole run.

        Returns:
            None if no round is closed, or if version 0.1.0 closed the last one.
        """
        closed = [each.index for each in state.rounds if each.is_closed]
        if not closed:
            return None
        return success_from_json(self.store.read(success_name(closed[-1]))).root_hash

    def _covered_keys(self, state: Snapshot, round_index: int) -> list[str]:
        """List the objects that the closing record of a round covers."""
        covered = {round_index: sorted(state.rounds[round_index].committed)}
        for earlier in range(round_index - 1, -1, -1):
            if self.finish_round(state, earlier).root_hash is not None:
                break
            covered[earlier] = sorted(state.rounds[earlier].committed)
        return covered_keys(covered)

    def close_rounds(self, state: Snapshot) -> Snapshot:
        """Close every round of the snapshot, and return the snapshot with its rounds closed.

        Raises: RetryLaterError if shards are missing.
        """
        for each in state.rounds:
            if not each.is_closed:
                self.finish_round(state, each.index)
        return state.closed()

    def latest_rows(self, columns: Sequence[str] = STATE_COLUMNS) -> pa.Table:
        """Read some columns of the committed rows, of each image those of its latest round.

        Args:
            columns: of METRICS_SCHEMA; image_id must be among them.
        """
        return history.latest_rows(self.store, history.list_parts(self.store), columns)

    def _existing_run(self) -> RunRecord:
        existing = self.run()
        if existing is None:
            raise ConfigurationError(
                f"{self.store.uri} holds no run: it has no run.json; give the root of a run"
            )
        return existing

    def _check_unused(self) -> None:
        """Refuse a root with outputs but without a run: they would be taken for our own."""
        for prefix in (IMAGES_PREFIX, METRICS_PREFIX):
            stray = next(iter(self.store.list(prefix)), None)
            # Another driver may have begun the run and written this just now.
            if stray is not None and self.store.head(RUN_KEY) is None:
                raise ConfigurationError(
                    f"{self.store.uri} holds {stray.key} but no run.json: these files were "
                    "not written by this run; give an empty output root"
                )

    def _read_if_present(self, key: str) -> bytes | None:
        try:
            return self.store.read(key)
        except StorageError as error:
            if error.error_class is ErrorClass.NOT_FOUND:
                return None
            raise


def _check_rows(round_index: int, shard: int, rows: Sequence[MetricsRow]) -> None:
    for row in rows:
        if (row.round, row.shard) != (round_index, shard):
            raise ValueError(f"{row.image_id} is not of round {round_index}, shard {shard}")
        problem = contradiction(row.status, row.error_class)
        if problem is not None:
            raise ValueError(f"{row.image_id}: {problem}")
    if len({row.image_id for row in rows}) != len(rows):
        raise ValueError(f"round {round_index}, shard {shard} names an image twice")
