"""Objects of any size, read whole within a bounded memory."""

from __future__ import annotations

from sr_core.archive.storage.store import Store
from sr_core.scratch import Blob, Spool

_RANGE_BYTES = 32 << 20


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
