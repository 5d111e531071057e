"""Header probes: the format and size of a source from its first kilobytes, by ranged reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

from sr_core.archive.parallel import map_in_order
from sr_core.archive.storage import Store, check_key
from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs import Header, NeedMoreBytes, probe
from sr_core.records import ManifestRow, Status

FIRST_READ_BYTES = 64 << 10
GROWTH = 8
LARGEST_READ_BYTES = 32 << 20
"""A header that lies deeper in its file than this is left to the worker, who reads all of it."""
DEADLINE_S = 30.0
"""How long one read may be tried; the worker has more patience."""

_DEFINITE = frozenset(
    {
        ErrorClass.NOT_FOUND,
        ErrorClass.TOO_LARGE,
        ErrorClass.UNSUPPORTED_FORMAT,
        ErrorClass.UNSUPPORTED_MODE,
        ErrorClass.ANIMATED,
        ErrorClass.DECODE,
        ErrorClass.KEY_REJECTED,
    }
)
"""What another try would not change. Anything else (network, ...) is left to the worker."""


def probe_rows(
    store: Store, rows: Iterable[ManifestRow], *, threads: int = 32
) -> Iterator[ManifestRow]:
    """Fill in what the headers tell, in the order of the rows.

    Rows that are refused already pass through. A probe that fails never stops the others: what is
    definite (no image, empty, animated, ...) makes the row failed, anything else leaves it as it is
    for the worker to decide; such a row has no format.

    Raises: StorageUnavailableError where the whole store cannot be used.
    """
    return map_in_order(partial(_probe_row, store), rows, threads=threads)


def refuse(row: ManifestRow, error: ImageError) -> ManifestRow:
    """Make a row failed."""
    return replace(
        row, status=Status.FAILED, error_class=error.error_class, error_message=error.message
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
        return refuse(row, ImageError(ErrorClass.ANIMATED, f"{row.key}: is an animation"))
    return row


def with_size(store: Store, row: ManifestRow) -> ManifestRow:
    """Ask the store for size and version where the row does not have them.

    Raises: ImageError.
    """
    if row.size_bytes is not None:
        return row
    info = store.head(row.key)
    if info is None:
        raise ImageError(ErrorClass.NOT_FOUND, f"{row.key}: does not exist")
    return replace(row, size_bytes=info.size_bytes, etag=info.etag, modified_at=info.modified_at)


def _read_header(store: Store, row: ManifestRow) -> Header | None:
    """Read as much of the file as its header takes; None where that is too much for a probe."""
    size_bytes = row.size_bytes or 0
    if size_bytes == 0:
        # What is no file (a link out of the root, say) is listed without bytes; reading says why.
        if not store.read(row.key, deadline_s=DEADLINE_S):
            raise ImageError(ErrorClass.UNSUPPORTED_FORMAT, f"{row.key}: is empty")
        return None
    data, end = b"", min(FIRST_READ_BYTES, size_bytes)
    while end <= LARGEST_READ_BYTES:
        start = len(data)
        data += store.read(row.key, start=start, length=end - start, deadline_s=DEADLINE_S)
        if len(data) < end:
            return None  # it shrank since it was listed
        try:
            return probe(data, size_bytes)
        except NeedMoreBytes as error:
            end = min(max(error.wanted_bytes, GROWTH * end), size_bytes)
    return None
