"""Outputs of networks with one layer zeroed."""

from __future__ import annotations

import numpy as np
import torch

from benchmarks.faults.pictures import Levels
from sr_core.imaging.tensors import to_pixels, to_tensor
from sr_core.models.catalogue import find_checkpoint
from sr_core.models.checkpoint import load_network
from sr_core.models.network import Network

LAYERS = (
    "residual.0.conv1.weight",
    "residual.15.conv2.weight",
    "trunk_conv.weight",
    "upsample.0.conv.weight",
)


def broken_networks(model: str) -> list[Network]:
    """Load a model once per layer, with that layer zeroed."""
    return [_zeroed(model, layer) for layer in LAYERS]


def upscale(network: Network, lr: Levels) -> Levels:
    """Upscale a window in float32."""
    with torch.inference_mode():
        sr = to_pixels(network(to_tensor(lr)).clamp(0, 1), np.dtype(np.uint8))
    return sr.astype(np.uint8, copy=False)


def _zeroed(model: str, layer: str) -> Network:
    network, _ = load_network(find_checkpoint(model))
    with torch.no_grad():
        network.get_parameter(layer).zero_()
    return network
