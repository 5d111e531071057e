"""What every store offers: objects by key, read whole or in part, written once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from sr_core.scratch import Blob

LEFTOVER_AGE_S = 24 * 3600.0
"""How old an unfinished write must be before it counts as abandoned, not as under way."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object as a listing or an answer describes it.

    `key` is relative to the root of the store. `etag` changes when the content changes and means
    nothing else: on disk it is made of time and size. `modified_at` carries its time zone.
    """

    key: str
    size_bytes: int
    etag: str
    modified_at: datetime | None


class Store(Protocol):
    """A root under which objects are listed, read and written once.

    Stores are safe to share between threads and can be pickled; connections are made where they
    are used. Every call checks its key first (`check_key`). Raises, from all methods:
    ImageError (key_rejected) for a key that could leave the root;
    StorageError for one object, with the class of its row;
    StorageUnavailableError when the store as a whole cannot be used now;
    ConfigurationError when it can never be used as it is configured.
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

        Streams where the system beneath lists by key. The store's own files and empty folder
        markers are left out; what can be seen but not read (links out of the root, unreadable
        folders) is one object whose read says why.
        """
        ...

    def head(self, key: str) -> ObjectInfo | None:
        """Describe an object without reading it; None where there is none."""
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
        """Read bytes [start, start + length) of an object, fewer only where the object ends.

        The length is verified against what the store announced; a cut body is read again until
        `deadline_s` (None: the store's own) has passed.
        """
        ...

    def read_object(
        self, key: str, *, max_bytes: int | None = None, deadline_s: float | None = None
    ) -> tuple[bytes, ObjectInfo]:
        """Read a whole object together with the etag of exactly these bytes.

        Raises: StorageError (too_large) before the body is read if it exceeds `max_bytes`.
        """
        ...

    def put_if_absent(
        self, key: str, data: Blob, metadata: Mapping[str, str] | None = None
    ) -> bool:
        """Write an object unless its key exists. True: written and durable; False: it exists.

        An object is visible whole or not at all. Of several writers one gets True, or none where
        the winner's answer was lost: its body then stands all the same.
        Metadata: ASCII, lower-case names; lost unless the store `keeps_metadata`.
        """
        ...

    def replace(self, key: str, data: Blob) -> None:
        """Write an object over whatever stands there. Only for what can be derived again."""
        ...

    def arrow_file(self, key: str) -> pa.NativeFile:
        """Open an object for pyarrow, which reads the parts that it needs."""
        ...

    def refuses_overwrites(self) -> bool:
        """Try whether the store keeps `put_if_absent`'s promise; leaves nothing behind.

        Needs the right to write, so that it also shows early that the root is writable.
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
