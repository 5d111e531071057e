"""An object as a seekable file, for libraries that read only parts of it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from sr_core.errors import ErrorClass, StorageError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from sr_core.archive.storage.store import Store


class RangedFile(io.RawIOBase):
    """A file whose reads go through the store, with its retries, deadlines and errors.

    Unbuffered: pyarrow reads whole footers and column chunks at once.
    """

    def __init__(self, store: Store, key: str) -> None:
        """Look up the object.

        Raises: StorageError (not_found), and as `Store.head`.
        """
        info = store.head(key)
        if info is None:
            message = f"cannot open {store.uri}/{key}: there is no such object"
            raise StorageError(ErrorClass.NOT_FOUND, message)
        self._store = store
        self._info = info
        self._at = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
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
        """Fill the buffer, or less of it at the end of the object."""
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), self._info.size_bytes - self._at)
        if wanted <= 0:
            return 0
        data = self._store.read(self._info.key, start=self._at, length=wanted)
        view[: len(data)] = data
        self._at += len(data)
        return len(data)
