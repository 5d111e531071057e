"""A stored file for the header readers of the codecs, read in ranges on demand."""

from __future__ import annotations

from sr_core.archive.storage import Store
from sr_core.errors import ErrorClass, StorageError
from sr_core.imaging.codecs import NeedMoreBytes, Source

WINDOW_BYTES = 64 << 10
"""Size of the first read, and of each window."""
LOOKBACK_BYTES = 4 << 10
"""Bytes read before a directory: TIFF writers put its values on either side of it."""
NEAR_BYTES = 1 << 20
"""Distance behind the bytes read so far up to which reading on beats opening a window."""
GROWTH = 8
"""Factor by which the beginning grows when more of it is needed."""
BUDGET_BYTES = 32 << 20
"""Limit of bytes read for a header; a file that needs more is left to the worker."""
DEADLINE_S = 30.0
"""Time for all attempts of one read; the worker has more."""


class RangedSource(Source):
    """A file of which the beginning and windows further on are read.

    The directory at the end of a TIFF of 1 GB costs two reads of 64 KiB.
    """

    __slots__ = ("_key", "_left", "_store", "_windows")

    def __init__(self, store: Store, key: str, size_bytes: int) -> None:
        self._store, self._key = store, key
        self._left = BUDGET_BYTES
        self._windows: list[tuple[int, bytes]] = []
        super().__init__(self._read(0, min(WINDOW_BYTES, size_bytes), size_bytes), size_bytes)

    def take(self, start: int, length: int) -> bytes:
        """Return exactly `length` bytes.

        Raises: NeedMoreBytes beyond the budget; ImageError if the file ends before; StorageError.
        """
        end = start + length
        if len(self.data) < end <= self.size:
            if start > len(self.data) + NEAR_BYTES:
                return self._from_window(start, end)
            held = len(self.data)
            ahead = min(GROWTH * held, held + self._left)
            self.data = self.data[:] + self._read(held, min(max(end, ahead), self.size), end)
        return super().take(start, length)

    def _from_window(self, start: int, end: int) -> bytes:
        for at, window in self._windows:
            if at <= start and end <= at + len(window):
                return window[start - at : end - at]
        at = start - LOOKBACK_BYTES
        window = self._read(at, min(max(end, at + WINDOW_BYTES), self.size), end)
        self._windows.append((at, window))
        return window[start - at : end - at]

    def _read(self, start: int, end: int, needed: int) -> bytes:
        self._left -= end - start
        if self._left < 0:
            raise NeedMoreBytes(needed)
        data = self._store.read(self._key, start=start, length=end - start, deadline_s=DEADLINE_S)
        if len(data) < end - start:
            message = f"{self._key}: the file became shorter while its header was read"
            raise StorageError(ErrorClass.SOURCE_CHANGED, message)
        return data
