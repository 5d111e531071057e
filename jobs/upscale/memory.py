"""The memory of one actor, divided among the process itself, tiles and decoded images."""

from __future__ import annotations

from dataclasses import dataclass

from sr_core import scratch
from sr_core.config import ExecutionConfig

_BASE_BYTES = 512 << 20
"""Python, torch or OpenVINO, the network, and the buffers of encoders and transfers."""
_IMAGE_BYTES_PER_PX = 8
"""Bytes per pixel of an image: source and output in 8 bits, the output's file, decoded again."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Memory of an actor by purpose, in bytes."""

    tiles: int
    images: int

    @property
    def megapixels(self) -> float:
        """Megapixels of 8-bit RGB that may be decoded at one time, sources and outputs together."""
        return self.images / _IMAGE_BYTES_PER_PX / 1e6

    @property
    def largest_array(self) -> int:
        """Bytes of the output of an image that fills the images' share; larger ones go to disk."""
        return self.images * 3 // _IMAGE_BYTES_PER_PX


def share_out(execution: ExecutionConfig) -> Shares:
    """Divide an actor's budget: 512 MiB for the process, a quarter for tiles, the rest images."""
    budget = execution.memory_budget_mb << 20
    tiles = budget // 4
    return Shares(tiles, budget - _BASE_BYTES - tiles)


def keep_large_on_disk(shares: Shares) -> None:
    """Keep arrays of this process that exceed the share for images in scratch files."""
    scratch.limit_bytes = shares.largest_array
