"""Objects of any size, read whole or hashed within a bounded memory."""

from __future__ import annotations

import hashlib

from sr_core.archive.storage.store import Store
from sr_core.scratch import Blob, Spool

_RANGE_BYTES = 32 << 20
_HASHED_BYTES = 16 << 20
"""Chunk size for hashing, in bytes."""


def read_blob(store: Store, key: str) -> Blob:
    """Read an object in ranges; a large one goes to a scratch file.

    Only for objects that are written once: a change between two ranges would go unnoticed.

    Raises: as `Store.read`; ImageError (out_of_memory) if there is no room for the object.
    """
    spool = Spool()
    while True:
        part = store.read(key, start=spool.size, length=_RANGE_BYTES)
        spool.write(part)
        if len(part) < _RANGE_BYTES:
            return spool.finish()


def sha256_of(store: Store, key: str) -> tuple[str, int]:
    """Return the SHA-256 of an object, hexadecimal, and its size in bytes.

    Raises: as `Store.read`.
    """
    digest = hashlib.sha256()
    size_bytes = 0
    while True:
        part = store.read(key, start=size_bytes, length=_HASHED_BYTES)
        digest.update(part)
        size_bytes += len(part)
        if len(part) < _HASHED_BYTES:
            return digest.hexdigest(), size_bytes
