"""PNG: compressed content of metadata chunks, with a limit."""

from __future__ import annotations

import zlib

MAX_BYTES = 1 << 24
"""Most bytes of one metadata chunk, compressed and uncompressed."""


def inflated(data: bytes) -> bytes | None:
    """Inflate metadata; None if it is damaged or above `MAX_BYTES`."""
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(data, MAX_BYTES)
    except zlib.error:
        return None
    return content if inflater.eof else None
