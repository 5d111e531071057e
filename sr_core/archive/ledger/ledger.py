"""The ledger of a run: what its root says was planned, written and committed.

One output root is one run. Everything in it is write-once, and the Parquet part of a shard under
metrics/ is its commit: there is no other book.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pyarrow as pa

from sr_core.archive.ledger import history, runs
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
from sr_core.archive.storage import Store, read_blob
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
    """The one way to write into a run's root, and to ask what stands there.

    Every method may be called again after a crash at any point, and by several drivers at once.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._run: RunRecord | None = None

    # the run

    def run(self) -> RunRecord | None:
        """Read the record of the run that holds the root; None where there is none.

        Raises: ConfigurationError where run.json is damaged.
        """
        if self._run is None:
            data = self._read_if_present(RUN_KEY)
            self._run = None if data is None else runs.from_json(data, self.store.uri)
        return self._run

    def open_run(self, record: RunRecord) -> RunRecord:
        """Begin a run, or go on with it.

        Returns:
            The record that stands in run.json.

        Raises: ConfigurationError where another run holds the root (one line for each option that
            differs), or where the root has outputs of unknown origin.
        """
        standing = self.run()
        if standing is None:
            self._check_unused()
            self.store.put_if_absent(RUN_KEY, runs.to_json(record))
            standing = self._existing_run()
        if standing.run_id != record.run_id:
            raise ConfigurationError(runs.describe_difference(self.store.uri, standing, record))
        return standing

    # plans

    def rounds(self) -> list[int]:
        """List the rounds that have a plan."""
        return history.list_rounds(self.store)

    def put_plan(self, round_index: int, data: bytes) -> bool:
        """Freeze the plan of a round.

        Returns:
            False: the round has a plan already, which holds instead of this one.
        """
        return self.store.put_if_absent(plan_name(round_index), data)

    # images

    def put_image(self, key: str, data: Blob, *, run_id: str, attempt: str, sha256: str) -> bool:
        """Write an output.

        Returns:
            False: the key exists; ask `adoptable` whether it can stand.
        """
        metadata = {"run-id": run_id, "attempt": attempt, "sha256": sha256}
        return self.store.put_if_absent(key, data, metadata)

    def adoptable(self, key: str, run_id: str) -> Blob | None:
        """Read an output that an earlier attempt of this run wrote; None where there is none.

        On a local disk, which keeps no metadata, run.json is the proof of ownership: there the
        caller must check that the bytes are the image it expects.

        Raises: ImageError (conflict) where the object belongs to something else or is damaged.
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
            message = f"{key} exists and belongs to {owner}; it was left as it is"
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
        """Commit a shard: one row for each of its images. Afterwards nothing of it can change.

        Returns:
            False: another attempt committed first, and its rows stand instead of these.

        Raises: ValueError for rows that must never stand in the table.
        """
        _check_rows(round_index, shard, rows)
        metadata = {
            "srfleet.run_id": self._existing_run().run_id,
            "srfleet.round": str(round_index),
            "srfleet.shard": str(shard),
        }
        key = part_name(round_index, shard)
        data = to_parquet(metrics_table(rows), metadata)
        # A put whose answer was lost finds its own object when it is tried again.
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
            success = summarise(
                state.record.run_id, round_index, len(of_round.shards), of_round.rows
            )
            self.store.put_if_absent(key, success_to_json(success))
        return success_from_json(self.store.read(key))

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
        standing = self.run()
        if standing is None:
            raise ConfigurationError(
                f"{self.store.uri} holds no run: it has no run.json; give the root of a run"
            )
        return standing

    def _check_unused(self) -> None:
        """Refuse a root with outputs and without a run, whose images would pass for our own."""
        for prefix in (IMAGES_PREFIX, METRICS_PREFIX):
            stray = next(iter(self.store.list(prefix)), None)
            # Another driver may have begun the run, and written this, only just now.
            if stray is not None and self.store.head(RUN_KEY) is None:
                raise ConfigurationError(
                    f"{self.store.uri} holds {stray.key} but no run.json: what is there was not "
                    "written by this run; give an empty output root"
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
