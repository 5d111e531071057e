"""The interface of engines, and torch's engine for any network."""

from __future__ import annotations

import copy
from typing import Protocol

import torch
from torch import Tensor, nn

from sr_core.inference.folded import FoldedGenerator, freeze
from sr_core.models.generator import Generator
from sr_core.models.network import Network


class UnfitError(Exception):
    """An engine computes an image badly; float32 may compute it well."""


class Engine(Protocol):
    """Compute a network's two levels on `device` in `dtype`, without gradients."""

    device: torch.device
    dtype: torch.dtype

    def trunk(self, lr: Tensor) -> Tensor:
        """Return features: (N, 3, H, W) float32 in [0, 1] on any device -> as `Network.trunk`.

        The result is in the engine's own memory and valid until the next call.

        Raises: UnfitError for an image that the engine computes badly.
        """

    def tail(self, features: Tensor) -> Tensor:
        """Return the image, as `Network.tail`, in float32; valid until the next call."""


class PlainEngine(nn.Module):
    """Compute a network as it is, in channels-last memory, the output layer in float32."""

    def __init__(
        self,
        network: Network,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.device, self.dtype = torch.device(device), dtype
        self._network = copy.deepcopy(network).eval().to(self.device, dtype)
        self._network.output.to(torch.float32)
        freeze(self._network)

    @torch.inference_mode()
    def trunk(self, lr: Tensor) -> Tensor:
        """Return features of an image."""
        lr = lr.to(self.device).contiguous(memory_format=torch.channels_last)
        return self._network.trunk(lr)

    @torch.inference_mode()
    def tail(self, features: Tensor) -> Tensor:
        """Return the image of features."""
        return self._network.tail(features)


def make_engine(
    network: Network, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> FoldedGenerator | PlainEngine:
    """Return torch's engine for a network; the network itself is not changed."""
    if isinstance(network, Generator):
        return FoldedGenerator(network, device, dtype)
    return PlainEngine(network, device, dtype)
