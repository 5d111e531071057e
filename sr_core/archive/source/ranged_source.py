"""A stored file for the codecs' header readers, read in ranges as they ask for bytes."""

from __future__ import annotations

from sr_core.archive.storage import Store
from sr_core.errors import ErrorClass, StorageError
from sr_core.imaging.codecs import NeedMoreBytes, Source

WINDOW_BYTES = 64 << 10
LOOKBACK_BYTES = 4 << 10
"""How much before a directory its values may lie; TIFF writers put them on either side."""
NEAR_BYTES = 1 << 20
"""Up to here beyond what is at hand it pays to read on instead of opening a window."""
GROWTH = 8
BUDGET_BYTES = 32 << 20
"""What a header may cost; a file that needs more is left to the worker, who reads all of it."""
DEADLINE_S = 30.0
"""How long one read may be tried; the worker has more patience."""


class RangedSource(Source):
    """A file whose beginning is at hand, and windows further on that were asked for.

    So the directory at the end of a TIFF of 1 GB costs two reads of 64 KiB.
    """

    __slots__ = ("_key", "_left", "_store", "_windows")

    def __init__(self, store: Store, key: str, size_bytes: int) -> None:
        self._store, self._key = store, key
        self._left = BUDGET_BYTES
        self._windows: list[tuple[int, bytes]] = []
        super().__init__(self._read(0, min(WINDOW_BYTES, size_bytes), size_bytes), size_bytes)

    def take(self, start: int, length: int) -> bytes:
        """Return exactly `length` bytes.

        Raises: NeedMoreBytes beyond the budget, ImageError where the file ends before,
            StorageError.
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
            message = f"{self._key}: became shorter while its header was read"
            raise StorageError(ErrorClass.SOURCE_CHANGED, message)
        return data
