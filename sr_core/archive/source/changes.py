"""Differences between a source and earlier plans or runs, for --extend and --since."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import pyarrow as pa

from sr_core.archive.source.probing import with_size
from sr_core.archive.storage import Store, sha256_of
from sr_core.errors import ImageError
from sr_core.parallel import map_in_order
from sr_core.records import ManifestRow, Status

LISTED_NAMES = 5
"""Number of names that a summary lists of each kind."""


class Change(StrEnum):
    """A difference between a file of the source and the plan."""

    NEW = "new"
    CHANGED = "changed"
    GONE = "gone"


@dataclass(slots=True)
class Changes:
    """Number of files with one kind of change, and the first of their keys."""

    count: int = 0
    first_keys: list[str] = field(default_factory=list)

    def add(self, key: str) -> None:
        """Count one file."""
        self.count += 1
        if len(self.first_keys) < LISTED_NAMES:
            self.first_keys.append(key)


@dataclass(frozen=True, slots=True)
class SourceChanges:
    """Changes of the source since its files were planned."""

    new: Changes
    changed: Changes
    gone: Changes


@dataclass(frozen=True, slots=True)
class CommittedImage:
    """A source file that an earlier run has committed as ok."""

    source_uri: str
    etag: str | None
    size_bytes: int | None
    sha256: str | None


def planned_rows(plans: Iterable[pa.Table]) -> Iterator[ManifestRow]:
    """Yield the planned files of a run with their versions, in key order, each key once.

    Args:
        plans: plans with at least the columns image_id, key, size_bytes, etag and status; for a
            key in several plans the latest one counts.
    """
    columns = ["image_id", "key", "size_bytes", "etag", "status"]
    numbered = [
        plan.select(columns).append_column("plan", pa.nulls(len(plan), pa.int64()).fill_null(n))
        for n, plan in enumerate(plans)
    ]
    if not numbered:
        return
    table = pa.concat_tables([each.replace_schema_metadata() for each in numbered])
    previous_key = None
    for batch in table.sort_by([("key", "ascending"), ("plan", "descending")]).to_batches():
        for image_id, key, size_bytes, etag, status in zip(
            *(batch.column(name).to_pylist() for name in columns), strict=True
        ):
            if key != previous_key:
                yield ManifestRow(image_id, key, size_bytes, etag, status=Status(status))
            previous_key = key


def differences(
    planned: Iterable[ManifestRow], listed: Iterable[ManifestRow]
) -> Iterator[tuple[Change, ManifestRow]]:
    """Compare the planned rows with a listing of the source; both in key order.

    Yields:
        Each difference with the listed row, or with the planned one if the file is gone. A size or
        etag that is unknown on either side does not differ. Files planned as skipped do not
        change, and the files of a folder that is listed as one row are there.
    """
    planned = iter(planned)
    listed = (row for row in listed if row.status is not Status.DUPLICATE)
    old, new, folder = next(planned, None), next(listed, None), ""
    while old is not None or new is not None:
        if new is None or (old is not None and old.key < new.key):
            if old is not None and not (folder and old.key.startswith(folder)):
                yield from _unless_skipped(Change.GONE, old, old)
            old = next(planned, None)
            continue
        folder = new.key if new.key.endswith("/") else folder
        if old is None or new.key < old.key:
            yield Change.NEW, new
        else:
            if _differ(old.size_bytes, new.size_bytes) or _differ(old.etag, new.etag):
                yield from _unless_skipped(Change.CHANGED, old, new)
            old = next(planned, None)
        new = next(listed, None)


def _unless_skipped(
    change: Change, planned: ManifestRow, row: ManifestRow
) -> Iterator[tuple[Change, ManifestRow]]:
    if planned.status is not Status.SKIPPED:
        yield change, row


def _differ(old: int | str | None, new: int | str | None) -> bool:
    return old is not None and new is not None and old != new


def compare_with_source(
    planned: Iterable[ManifestRow], listed: Iterable[ManifestRow]
) -> SourceChanges:
    """Count the differences between plan and source; both in key order; see `differences`.

    New files that are skipped do not count.
    """
    counts = {change: Changes() for change in Change}
    for change, row in differences(planned, listed):
        if row.status is not Status.SKIPPED:
            counts[change].add(row.key)
    return SourceChanges(counts[Change.NEW], counts[Change.CHANGED], counts[Change.GONE])


def new_rows(
    planned: Iterable[ManifestRow], listed: Iterable[ManifestRow]
) -> Iterator[ManifestRow]:
    """Yield the unprobed rows of files that are in no plan; both inputs in key order."""
    return (row for change, row in differences(planned, listed) if change is Change.NEW)


def leave_out_committed(
    rows: Iterable[ManifestRow],
    committed: Iterable[CommittedImage],
    store: Store,
    *,
    threads: int = 8,
) -> Iterator[ManifestRow]:
    """Leave out rows whose source has been committed by an earlier run.

    A source is the same if its URI and etag are, or else its bytes: a file of the same size as a
    committed one is read and its SHA-256 compared, so that moved and copied files are recognised.

    Args:
        rows: unprobed rows of the source.
        committed: images with status ok of earlier runs; their outputs do not matter.
        store: the source.
        threads: number of concurrent reads.
    """
    known = _Known(committed)
    left = map_in_order(lambda row: _unless_committed(row, known, store), rows, threads=threads)
    return (row for row in left if row is not None)


class _Known:
    """Committed sources, at about 200 bytes each."""

    def __init__(self, committed: Iterable[CommittedImage]) -> None:
        self.versions: set[bytes] = set()
        self.contents: set[bytes] = set()
        self.sizes: set[int] = set()
        for image in committed:
            if image.etag is not None:
                self.versions.add(_version(image.source_uri, image.etag))
            if image.sha256 is not None and image.size_bytes is not None:
                self.contents.add(bytes.fromhex(image.sha256))
                self.sizes.add(image.size_bytes)


def _version(uri: str, etag: str) -> bytes:
    return hashlib.sha256(f"{uri}\0{etag}".encode()).digest()


def _unless_committed(row: ManifestRow, known: _Known, store: Store) -> ManifestRow | None:
    """Return None for a committed source, else the row with its size and version."""
    if row.status is not Status.OK:
        return row
    try:
        row = with_size(store, row)
        uri = f"{store.uri}/{row.key}"
        if row.etag is not None and _version(uri, row.etag) in known.versions:
            return None
        if row.size_bytes in known.sizes:
            is_known = bytes.fromhex(sha256_of(store, row.key)[0]) in known.contents
            return None if is_known else row
    except ImageError:
        pass  # its probe will report the error
    return row
