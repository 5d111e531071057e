"""The interface of all stores: objects by key, read whole or in part, written once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from sr_core.scratch import Blob

LEFTOVER_AGE_S = 24 * 3600.0
"""Age in seconds from which an unfinished write counts as abandoned."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """Key, size and version of an object.

    `key` is relative to the root of the store. `etag` changes whenever the content changes, and
    has no other meaning; on disk it is derived from time and size. `modified_at` has a time zone.
    """

    key: str
    size_bytes: int
    etag: str
    modified_at: datetime | None
    mode: int | None = None
    """Permission bits of a file; None if the store has none."""


class Store(Protocol):
    """A root under which objects are listed, read and written once.

    Stores are safe to share between threads and can be pickled; each process makes its own
    connections. Every call checks its key first (`check_key`). All methods raise
    ImageError (key_rejected) for a key that could leave the root;
    StorageError for a problem with one object, with the error class of its row;
    StorageUnavailableError if the store as a whole cannot be used now;
    ConfigurationError if it can never be used as configured.
    """

    @property
    def uri(self) -> str:
        """The root as "s3://bucket/prefix" or "file:///folder", without a trailing slash."""
        ...

    @property
    def local_path(self) -> Path | None:
        """The root as a folder of this machine; None if it is not one."""
        ...

    @property
    def keeps_metadata(self) -> bool:
        """True if objects keep the metadata they are written with."""
        ...

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield every object whose key starts with `prefix`, in the order of their keys.

        Streams if the underlying system lists in this order. The store's own files and empty
        folder markers are left out. Entries that cannot be read (links out of the root, unreadable
        folders) are listed as objects; reading them raises the reason.
        """
        ...

    def head(self, key: str) -> ObjectInfo | None:
        """Describe an object without reading it; None if it does not exist."""
        ...

    def metadata(self, key: str) -> dict[str, str]:
        """Return the metadata an object was written with; empty if the store keeps none."""
        ...

    def read(
        self,
        key: str,
        *,
        start: int = 0,
        length: int | None = None,
        deadline_s: float | None = None,
    ) -> bytes:
        """Read bytes [start, start + length) of an object, fewer only at its end.

        The length is checked against the announced one; a truncated body is read again until
        `deadline_s` (None: the store's own deadline) has passed.
        """
        ...

    def read_object(
        self, key: str, *, max_bytes: int | None = None, deadline_s: float | None = None
    ) -> tuple[bytes, ObjectInfo]:
        """Read a whole object together with the etag of exactly these bytes.

        Raises: StorageError (too_large), before the body is read, if it exceeds `max_bytes`.
        """
        ...

    def put_if_absent(
        self, key: str, data: Blob, metadata: Mapping[str, str] | None = None
    ) -> bool:
        """Write an object unless its key exists.

        An object becomes visible whole or not at all. Of several writers one gets True, or none if
        the answer to the winner was lost; its object exists all the same.

        Args:
            key: of the object.
            data: its content.
            metadata: ASCII with lower-case names; lost unless the store `keeps_metadata`, except
                for the time and permissions of an `Origin`, which a file gets.

        Returns:
            True if the object was written and is durable; False if the key exists.
        """
        ...

    def replace(self, key: str, data: Blob) -> None:
        """Write or overwrite an object. Only for objects that can be derived again."""
        ...

    def arrow_file(self, key: str) -> pa.NativeFile:
        """Open an object for pyarrow, which reads the parts it needs."""
        ...

    def refuses_overwrites(self) -> bool:
        """Test whether `put_if_absent` really refuses to overwrite; leaves nothing behind.

        Fails early, as a side effect, if the root is not writable.
        """
        ...

    def remove_leftovers(
        self, prefixes: Sequence[str], *, older_than_s: float = LEFTOVER_AGE_S
    ) -> int:
        """Remove the unfinished writes of killed writers, and return their number.

        Args:
            prefixes: beginnings of keys; unfinished writes of other keys under the root are left
                alone. Files with the store's own reserved names are removed in any case.
            older_than_s: minimum age of an unfinished write.
        """
        ...
