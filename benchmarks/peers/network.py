"""The network as in the usual scripts: the paper's layers one by one, NCHW, float32."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

from sr_core.models.catalogue import find_checkpoint
from sr_core.models.generator import Generator

SCALE = 4


class PaperGenerator(Generator):
    """The generator with the tail as in the paper's figure.

    `Generator.tail` runs the output layer before the last PixelShuffle, which is our own rewrite
    and already faster.
    """

    def tail(self, features: Tensor) -> Tensor:
        """Return the image: sub-pixel convolutions, then a 9x9 convolution at full size."""
        for block in self.upsample:
            features = block(features)
        return self.output(features)


def load_paper_network(model: str) -> nn.Module:
    """Return shipped weights in the plain network, in evaluation mode."""
    network = PaperGenerator()
    network.load_state_dict({key: value.float() for key, value in _weights(model).items()})
    return network.eval()


def _weights(model: str) -> dict[str, Tensor]:
    return load_file(find_checkpoint(model))


def to_pixels(sr: Tensor) -> NDArray[np.uint8]:
    """Return (H, W, 3) of (1, 3, H, W)."""
    image = sr.squeeze(0).clamp(0, 1).permute(1, 2, 0).numpy()
    return (image * 255.0).round().astype(np.uint8)
