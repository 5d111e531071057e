"""Memory of tiles that follow one another."""

from __future__ import annotations

import numpy as np

_LARGEST_BYTES = 16 << 20
"""More than what a tile takes in all; the C library keeps up to twice as much."""


def keep_freed_memory() -> None:
    """Have the C library give the memory of one tile to the next one.

    glibc returns freed blocks to the kernel unless a larger one was freed before, and the kernel
    clears each page that it hands out again: two thirds of the time of a small tile. The block
    here is never written to, so it takes no memory.
    """
    np.empty(_LARGEST_BYTES, np.uint8)
