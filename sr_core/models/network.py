"""The interface of networks that are computed in tiles: two levels, and the context each needs."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Network(nn.Module, ABC):
    """A network in two levels: a trunk computes features of LR size, a tail the image from them.

    The trunk sees far, so it runs on large tiles; the tail upsamples, needs most of the memory and
    sees little, so it runs in small ones. Both count in cells: squares of LR pixels that the trunk
    treats as one pixel.

    Shapes: (N, 3, H, W) float in [0, 1], sides that are multiples of `cell_px`
    -> (N, 3, scale H, scale W) float, nominally in [0, 1], not clamped.
    """

    scale: int
    """Output pixels per LR pixel along each side."""
    channels: int
    """Features per cell."""
    blocks: int
    """Residual blocks of the trunk."""
    cell_px: int = 1
    """LR pixels per cell along each side."""
    output: nn.Conv2d
    """The last convolution, which determines the last bits of a pixel."""

    @property
    @abstractmethod
    def trunk_reach(self) -> int:
        """Cells of context that `trunk` sees on each side."""

    @property
    @abstractmethod
    def tail_reach(self) -> int:
        """Cells of context that `tail` sees on each side."""

    @property
    @abstractmethod
    def trunk_width(self) -> int:
        """Values per cell that `trunk` holds at its widest point; benchmarks/memory.py measures."""

    @property
    @abstractmethod
    def tail_width(self) -> int:
        """Values per cell that `tail` holds at its widest point."""

    @abstractmethod
    def trunk(self, lr: Tensor) -> Tensor:
        """Return features: (N, 3, H, W) -> (N, C, H / cell_px, W / cell_px), any C."""

    @abstractmethod
    def tail(self, features: Tensor) -> Tensor:
        """Return the image: features -> (N, 3, scale H, scale W)."""

    def forward(self, lr: Tensor) -> Tensor:
        """Return sr for lr in one piece, (N, 3, H, W) -> (N, 3, scale H, scale W)."""
        return self.tail(self.trunk(lr))
