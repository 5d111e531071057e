"""Small networks of every supported kind, with weights that expose mistakes."""

from __future__ import annotations

from collections.abc import Callable

import torch

from sr_core.models.foreign_generator import Affine
from sr_core.models.generator import Generator
from sr_core.models.msrresnet import MSRResNet
from sr_core.models.network import Network
from sr_core.models.rrdb import RRDBNet


def port() -> Generator:
    """Return a generator that uses every feature of other people's ports."""
    generator = Generator(4, 8, 1)
    for name, module in list(generator.named_modules()):
        if isinstance(module, torch.nn.PReLU):
            slopes = torch.nn.PReLU(8)
            torch.nn.init.uniform_(slopes.weight, -0.2, 0.5)
            generator.set_submodule(name, slopes)
    generator.normalise = Affine((4.0, 5.0, 4.5), (-2.0, -2.2, -1.9))
    generator.trunk_activation = torch.nn.PReLU(init=0.4)
    generator.to_image = torch.nn.Sequential(
        torch.nn.Tanh(), Affine((0.5, 0.4, 0.5), (0.5, 0.5, 0.4))
    )
    return generator


NETWORKS: dict[str, Callable[[], Network]] = {
    "RRDBNet x4": lambda: RRDBNet(4, 8, 1, 4),
    "RRDBNet x2 of cells": lambda: RRDBNet(2, 8, 1, 4, cell_px=2),
    "RRDBNet x1 of cells": lambda: RRDBNet(1, 8, 1, 4, cell_px=4),
    "RRDBNet x2": lambda: RRDBNet(2, 8, 1, 4),
    "RRDBNet x1": lambda: RRDBNet(1, 8, 1, 4),
    "MSRResNet x4": lambda: MSRResNet(4, 8, 2),
    "MSRResNet x2": lambda: MSRResNet(2, 8, 2),
    "port": port,
}


def make_network(name: str) -> Network:
    """Return one of NETWORKS, in evaluation mode, with the same weights at every call."""
    torch.manual_seed(3)
    network = NETWORKS[name]()
    for parameter in network.parameters():
        # Twice the default, so that distant pixels matter and outputs are not uniformly grey.
        parameter.data.mul_(2)
    if not isinstance(network, Generator):
        torch.nn.init.constant_(network.output.bias, 0.5)
    return network.eval()
