"""How the memory of one actor is shared out: itself, tiles, decoded images."""

from __future__ import annotations

from dataclasses import dataclass

from sr_core import scratch
from sr_core.config import ExecutionConfig

_BASE_BYTES = 512 << 20
"""Python, torch or OpenVINO, the network, and what encoders and transfers hold at a time."""
_IMAGE_BYTES_PER_PX = 8
"""Of a decoded image: source and output in 8 bits, the output's file, and decoded again."""


@dataclass(frozen=True, slots=True)
class Shares:
    """What an actor may use for what, in bytes."""

    tiles: int
    images: int

    @property
    def megapixels(self) -> float:
        """How much 8-bit RGB may be decoded at one time, sources and outputs together."""
        return self.images / _IMAGE_BYTES_PER_PX / 1e6

    @property
    def largest_array(self) -> int:
        """The output of an image that fills the images' share; whatever is larger is on disk."""
        return self.images * 3 // _IMAGE_BYTES_PER_PX


def share_out(execution: ExecutionConfig) -> Shares:
    """Divide an actor's budget, of which 512 MiB are its own needs and a quarter is for tiles."""
    budget = execution.memory_budget_mb << 20
    tiles = budget // 4
    return Shares(tiles, budget - _BASE_BYTES - tiles)


def keep_large_on_disk(shares: Shares) -> None:
    """Let this process keep in scratch files what does not fit its share for images."""
    scratch.limit_bytes = shares.largest_array
