"""A store that wraps another one; tests override the calls that they watch or let fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from sr_core.archive.storage import ObjectInfo, Store
from sr_core.archive.storage.store import LEFTOVER_AGE_S
from sr_core.scratch import Blob

Answer = TypeVar("Answer")


class StoreDecorator:
    """A store that passes every call on to `inner`, through `call`."""

    def __init__(self, inner: Store) -> None:
        self.inner = inner

    def call(self, method: str, key: str, request: Callable[[], Answer]) -> Answer:
        """Send a request; `key` is its key or prefix, or empty."""
        return request()

    @property
    def uri(self) -> str:
        return self.inner.uri

    @property
    def local_path(self) -> Path | None:
        return self.inner.local_path

    @property
    def keeps_metadata(self) -> bool:
        return self.inner.keeps_metadata

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        return self.call("list", prefix, lambda: self.inner.list(prefix))

    def head(self, key: str) -> ObjectInfo | None:
        return self.call("head", key, lambda: self.inner.head(key))

    def metadata(self, key: str) -> dict[str, str]:
        return self.call("metadata", key, lambda: self.inner.metadata(key))

    def read(
        self,
        key: str,
        *,
        start: int = 0,
        length: int | None = None,
        deadline_s: float | None = None,
    ) -> bytes:
        return self.call(
            "read",
            key,
            lambda: self.inner.read(key, start=start, length=length, deadline_s=deadline_s),
        )

    def read_object(
        self, key: str, *, max_bytes: int | None = None, deadline_s: float | None = None
    ) -> tuple[bytes, ObjectInfo]:
        return self.call(
            "read_object",
            key,
            lambda: self.inner.read_object(key, max_bytes=max_bytes, deadline_s=deadline_s),
        )

    def put_if_absent(
        self, key: str, data: Blob, metadata: Mapping[str, str] | None = None
    ) -> bool:
        return self.call(
            "put_if_absent", key, lambda: self.inner.put_if_absent(key, data, metadata)
        )

    def replace(self, key: str, data: Blob) -> None:
        self.call("replace", key, lambda: self.inner.replace(key, data))

    def arrow_file(self, key: str) -> pa.NativeFile:
        return self.call("arrow_file", key, lambda: self.inner.arrow_file(key))

    def refuses_overwrites(self) -> bool:
        return self.call("refuses_overwrites", "", self.inner.refuses_overwrites)

    def remove_leftovers(
        self, prefixes: Sequence[str], *, older_than_s: float = LEFTOVER_AGE_S
    ) -> int:
        return self.call(
            "remove_leftovers",
            "",
            lambda: self.inner.remove_leftovers(prefixes, older_than_s=older_than_s),
        )
