"""Header probes: format and size of a source from its first kilobytes, by ranged reads."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from multiprocessing import get_context

from sr_core.archive.source.ranged_source import DEADLINE_S, RangedSource
from sr_core.archive.source.rules import final_error
from sr_core.archive.storage import Store, check_key
from sr_core.errors import ErrorClass, ImageError, NotAnImageError
from sr_core.imaging.codecs import Header, NeedMoreBytes, probe
from sr_core.parallel import map_in_executor, map_in_order
from sr_core.records import ManifestRow, Status, status_of

FEW_ROWS = 20_000
"""Number of rows from which starting more processes pays."""
BATCH_ROWS = 512
"""Rows sent to a process at once."""

_DEFINITE = frozenset(
    {
        ErrorClass.NOT_FOUND,
        ErrorClass.TOO_LARGE,
        ErrorClass.UNSUPPORTED_FORMAT,
        ErrorClass.UNSUPPORTED_MODE,
        ErrorClass.UNSUPPORTED_COLOUR,
        ErrorClass.ANIMATED,
        ErrorClass.DECODE,
        ErrorClass.KEY_REJECTED,
        ErrorClass.SPECIAL_FILE,
        ErrorClass.LINKED_FOLDER,
    }
)
"""Errors that another attempt would not change. Others (network, ...) are left to the worker."""


def probe_rows(
    store: Store, rows: Iterable[ManifestRow], *, threads: int = 32
) -> Iterator[ManifestRow]:
    """Fill in formats and sizes from the headers, in the order of the rows.

    Rows that are refused already are passed on. A failing probe never stops the others: a definite
    error (not an image, empty, animated, ...) makes the row failed or skipped; any other leaves the
    row as it is, without a format, for the worker to decide.

    Many rows are probed in one process per core, because one process cannot sign and parse more
    than about 500 requests to S3 per second.

    Raises: StorageUnavailableError if the whole store cannot be used.
    """
    rows = iter(rows)
    first = list(islice(rows, FEW_ROWS))
    processes = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    if len(first) < FEW_ROWS or processes == 1:
        return _in_threads(store, chain(first, rows), threads)
    return _in_processes(store, chain(first, rows), threads, processes)


def _in_threads(store: Store, rows: Iterable[ManifestRow], threads: int) -> Iterator[ManifestRow]:
    return map_in_order(partial(_probe_row, store), rows, threads=threads)


def _in_processes(
    store: Store, rows: Iterator[ManifestRow], threads: int, processes: int
) -> Iterator[ManifestRow]:
    pool = ProcessPoolExecutor(
        processes,
        mp_context=get_context("spawn"),  # forks do not survive threads of the caller
        initializer=_begin_process,
        initargs=(store, threads),
    )
    batches = iter(lambda: list(islice(rows, BATCH_ROWS)), [])
    return chain.from_iterable(map_in_executor(_probe_batch, batches, pool, 2 * processes))


_of_process: list[tuple[Store, int]] = []
"""In a process of the pool: the store with its connections, and the number of threads."""


def _begin_process(store: Store, threads: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent process stops this one
    _of_process.append((store, threads))


def _probe_batch(rows: list[ManifestRow]) -> list[ManifestRow]:
    (store, threads) = _of_process[0]
    return list(_in_threads(store, rows, threads))


def refuse(row: ManifestRow, error: ImageError) -> ManifestRow:
    """Mark a row as failed, or as skipped if the file is no photograph."""
    final = final_error(row.key, error)
    return replace(
        row,
        status=status_of(final.error_class),
        error_class=final.error_class,
        error_message=final.message,
    )


def _probe_row(store: Store, row: ManifestRow) -> ManifestRow:
    if row.status is not Status.OK:
        return row
    try:
        check_key(row.key)
        if row.reference_key is not None:
            check_key(row.reference_key)
        row = with_size(store, row)
        header = _read_header(store, row)
    except ImageError as error:
        return refuse(row, error) if error.error_class in _DEFINITE else row
    if header is None:
        return row
    row = replace(
        row,
        format=header.format,
        mode=header.mode,
        width_px=header.width_px,
        height_px=header.height_px,
        pages=header.pages,
    )
    if header.animated:
        return refuse(row, ImageError(ErrorClass.ANIMATED, f"an animated {header.format}"))
    return row


def with_size(store: Store, row: ManifestRow) -> ManifestRow:
    """Ask the store for the size and version of a row that lacks them.

    Raises: ImageError.
    """
    if row.size_bytes is not None and row.etag is not None:
        return row
    info = store.head(row.key)
    if info is None:
        raise ImageError(ErrorClass.NOT_FOUND, "there is no such file")
    return replace(row, size_bytes=info.size_bytes, etag=info.etag, modified_at=info.modified_at)


def _read_header(store: Store, row: ManifestRow) -> Header | None:
    """Read the header of a file; None if that takes more bytes than a probe may read."""
    if not row.size_bytes:
        # Entries that are not files (links out of the root) have no size; reading gives the reason.
        if not store.read(row.key, deadline_s=DEADLINE_S):
            raise NotAnImageError(ErrorClass.UNSUPPORTED_FORMAT, "the file is empty", None)
        return None
    try:
        return probe(RangedSource(store, row.key, row.size_bytes))
    except NeedMoreBytes:
        return None
