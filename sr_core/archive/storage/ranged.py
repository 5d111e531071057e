"""An object as a seekable file, for libraries that read only the parts they need."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from sr_core.errors import ErrorClass, StorageError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from sr_core.archive.storage.store import Store


class RangedFile(io.RawIOBase):
    """Reads each range through the store: its retries, deadlines and errors hold here too.

    Unbuffered: the reader (pyarrow) asks for whole footers and column chunks.
    """

    def __init__(self, store: Store, key: str) -> None:
        """Look the object up.

        Raises: StorageError (not_found) and whatever `Store.head` raises.
        """
        info = store.head(key)
        if info is None:
            message = f"cannot open {store.uri}/{key}: there is no such object"
            raise StorageError(ErrorClass.NOT_FOUND, message)
        self._store = store
        self._info = info
        self._at = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be read from anywhere."""
        return True

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position in bytes and return it."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._info.size_bytes}
        self._at = max(0, origin[whence] + offset)
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer, or as much of it as the object still has."""
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), self._info.size_bytes - self._at)
        if wanted <= 0:
            return 0
        data = self._store.read(self._info.key, start=self._at, length=wanted)
        view[: len(data)] = data
        self._at += len(data)
        return len(data)
