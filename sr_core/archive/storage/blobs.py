"""Objects of any size, read whole within a bounded memory."""

from __future__ import annotations

from sr_core.archive.storage.store import Store
from sr_core.scratch import Blob, Spool

_RANGE_BYTES = 32 << 20


def read_blob(store: Store, key: str) -> Blob:
    """Read an object in ranges; a large one goes to a scratch file.

    For objects that are written once: nothing here would notice one that changes between ranges.

    Raises: as `Store.read`, and ImageError with class out_of_memory where there is no room for it.
    """
    spool = Spool()
    while True:
        part = store.read(key, start=spool.size, length=_RANGE_BYTES)
        spool.write(part)
        if len(part) < _RANGE_BYTES:
            return spool.finish()
