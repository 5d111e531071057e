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


def portable_form(network: Network) -> nn.Module:
    """Return a module that computes what a network does, for conversion; batch norms are folded."""
    if isinstance(network, Generator):
        return PortableGenerator(network)
    return network


def to_onnx(network: Network, producer_version: str, metadata: Mapping[str, str]) -> ModelProto:
    """Convert a network to an ONNX model with any height, width and batch.

    Its input `lr` and output `sr` are (N, 3, H, W) float32, RGB in [0, 1], as in `Network`; sides
    of `lr` are multiples of the network's cell.

    Args:
        network: stays as it is.
        producer_version: version of srfleet.
        metadata: goes into `metadata_props`.
    """
    import onnx  # noqa: PLC0415 - an optional extra

    cell_px = network.cell_px
    example = torch.full((2, 3, *(cells * cell_px for cells in _EXAMPLE_CELLS)), 0.5)
    batch, height, width = (torch.export.Dim(name, min=1) for name in ("batch", "height", "width"))
    sides = (height, width) if cell_px == 1 else (cell_px * height, cell_px * width)
    with _quiet():
        program = torch.onnx.export(
            portable_form(network).eval(),
            (example,),
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: batch, 2: sides[0], 3: sides[1]},),
        )
    if program is None:
        raise RuntimeError("torch.onnx.export returned no program")
    model = program.model_proto
    _clean(model.graph)
    _name_sizes(model.graph, cell_px, network.scale)
    model.producer_name, model.producer_version = "srfleet", producer_version
    onnx.helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model, full_check=True)
    return model


def _clean(graph: GraphProto) -> None:
    """Remove the exporter's notes, which name files of this machine."""
    for part in (graph, *graph.node, *graph.value_info, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    for value in (*graph.input, *graph.output):
        del value.metadata_props[:]
    graph.name = "srfleet"


def _name_sizes(graph: GraphProto, cell_px: int, scale: int) -> None:
    """Name the sides of input and output, in cells; the exporter loses names of some outputs."""
    for value, times in ((graph.input[0], cell_px), (graph.output[0], cell_px * scale)):
        for index, name in ((2, "height"), (3, "width")):
            side = value.type.tensor_type.shape.dim[index]
            side.dim_param = name if times == 1 else f"{times}*{name}"


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter, which reports its own deprecations and the absence of torchvision."""
    log = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
