"""Storage of archives and runs: local folders and S3 behind one interface."""

from sr_core.archive.storage.blobs import read_blob, sha256_of
from sr_core.archive.storage.keys import check_key
from sr_core.archive.storage.opening import open_store
from sr_core.archive.storage.origin import Origin
from sr_core.archive.storage.store import ObjectInfo, Store

__all__ = [
    "ObjectInfo",
    "Origin",
    "Store",
    "check_key",
    "open_store",
    "read_blob",
    "sha256_of",
]
