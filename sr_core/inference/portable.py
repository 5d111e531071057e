"""A network as an ONNX model, for other runtimes."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sr_core.inference.folded import FoldedGenerator, freeze
from sr_core.models.blocks import unshuffled_kernel
from sr_core.models.generator import Generator
from sr_core.models.network import Network

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

INPUT, OUTPUT = "lr", "sr"
OPSET = 18
"""The operator set of ONNX 1.13, of 2022: the oldest that the exporter writes without conversion,
so that older runtimes read the file."""
_EXAMPLE_CELLS = (12, 16)


class PortableGenerator(FoldedGenerator):
    """A folded generator in operations that every runtime has, in float32.

    The output layer stays before the last PixelShuffle, as one 5x5 convolution from 256 to 12
    channels. In the paper's place it would be a 9x9 convolution of the largest image to 3 channels:
    onnxruntime takes 1.5 times as long for the whole network then. `FoldedGenerator` splits it
    further, which needs slices and sums whose gain depends on the runtime.
    """

    def __init__(self, generator: Generator) -> None:
        super().__init__(generator)
        kernel = unshuffled_kernel(generator.output.weight.detach().float())
        self.last = nn.Conv2d(kernel.shape[1], kernel.shape[0], kernel.shape[2], padding=2)
        self.last.weight.data = kernel
        if self.last.bias is not None:
            self.last.bias.data = self.output_bias.flatten().clone()
        del self.output_weight, self.output_bias
        freeze(self)

    def trunk(self, lr: Tensor) -> Tensor:
        """Return features: (N, 3, H, W) float32 in [0, 1] -> (N, channels, H, W)."""
        first = self.head_activation(self.head(self.normalise(lr)))
        features = first
        for conv1, activation, conv2 in zip(self.first, self.activations, self.second, strict=True):
            features = features + conv2(activation(conv1(features)))
        return first + self.trunk_activation(self.trunk_conv(features))

    def tail(self, features: Tensor) -> Tensor:
        """Return the image: (N, channels, H, W) -> (N, 3, scale H, scale W)."""
        for conv, activation in zip(self.sub_pixel, self.sub_pixel_activations, strict=True):
            features = activation(conv(features))
            if conv is not self.sub_pixel[-1]:
                features = F.pixel_shuffle(features, 2)
        return self.to_image(F.pixel_shuffle(self.last(features), 2))
