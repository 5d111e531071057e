"""Conversion of other people's ports of the paper's generator to ours."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sr_core.models.foreign_layout import Tensors, check_scale, count, load, shape
from sr_core.models.generator import Generator

_EPS = 1e-5
"""Epsilon of the batch norms of `Generator`."""
_Colours = Sequence[float]


@dataclass(frozen=True, slots=True)
class Conventions:
    """Conventions of a port that its weights do not show."""

    mean: _Colours | None = None
    """Mean that its input is normalised by, for colours in [0, 1]; None if it takes [0, 1]."""
    deviation: _Colours = (1.0, 1.0, 1.0)
    tanh: bool = False
    """True if it ends with a tanh, whose result times `gain` plus `offset` is in [0, 1]."""
    gain: _Colours = (0.5, 0.5, 0.5)
    offset: _Colours = (0.5, 0.5, 0.5)
    slope: float = 0.0
    """Slope of activations that have no weights: 0 for ReLU."""
    eps: float = _EPS
    """Epsilon of the batch norms of the trunk."""


class Affine(nn.Module):
    """Scale and shift each colour, (N, 3, H, W) -> the same; not part of a state_dict."""

    gain: Tensor
    offset: Tensor

    def __init__(self, gain: _Colours, offset: _Colours) -> None:
        super().__init__()
        self.register_buffer("gain", torch.tensor(gain).view(3, 1, 1), persistent=False)
        self.register_buffer("offset", torch.tensor(offset).view(3, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Return image * gain + offset."""
        return image * self.gain + self.offset


def build_generator(tensors: Tensors, conventions: Conventions) -> Generator:
    """Build a generator that computes what a port computes.

    Args:
        tensors: under the names of `Generator`, and beside them: biases before batch norms,
            upsample.N.bn, trunk_activation; slopes and biases may be missing. Changed in place.
        conventions: of the port.

    Raises: ValueError in what the tensors do not fit.
    """
    channels = shape(tensors, "head.weight")[0]
    blocks = count(tensors, r"residual\.\d+\.conv1\.weight")
    steps = count(tensors, r"upsample\.\d+\.conv\.weight")
    scale = 1.0
    for step in range(steps):
        scale *= (shape(tensors, f"upsample.{step}.conv.weight")[0] / channels) ** 0.5
    generator = Generator(check_scale(scale), channels, blocks)

    _shape_trunk_end(tensors, channels, conventions.eps)
    for name in [name for name in tensors if name.endswith("running_var")]:
        norm = name.removesuffix(".running_var")
        if norm.startswith("upsample."):
            _fold_norm(tensors, norm.removesuffix(".bn"))
        else:
            _absorb_bias(tensors, norm)
            tensors[name] = tensors[name] + (conventions.eps - _EPS)
    _complete(tensors, generator, conventions)
    _set_conventions(generator, tensors, conventions)
    load(generator, tensors)
    return generator


def _shape_trunk_end(tensors: Tensors, channels: int, eps: float) -> None:
    """Complete the end of the trunk, which may be a norm, an activation, or nothing."""
    if "trunk_bn.running_var" in tensors:
        return
    if "trunk_bn.weight" in tensors:  # a norm without statistics is a PReLU in its place
        tensors["trunk_activation.weight"] = tensors.pop("trunk_bn.weight")
    ones, zeros = torch.ones(channels), torch.zeros(channels)
    tensors["trunk_bn.weight"], tensors["trunk_bn.bias"] = ones, zeros
    tensors["trunk_bn.running_mean"], tensors["trunk_bn.running_var"] = zeros, ones - eps


def _absorb_bias(tensors: Tensors, norm: str) -> None:
    """Move the bias of the convolution before a norm into the norm's mean: the same sum."""
    conv = re.sub(r"bn(\d?)$", r"conv\1", norm)
    bias = tensors.pop(f"{conv}.bias", None)
    if bias is not None:
        tensors[f"{norm}.running_mean"] = tensors[f"{norm}.running_mean"] - bias


def _fold_norm(tensors: Tensors, step: str) -> None:
    """Fold the norm between a sub-pixel convolution and its shuffle into the convolution."""
    weight, bias, mean, variance = (
        tensors.pop(f"{step}.bn.{kind}")
        for kind in ("weight", "bias", "running_mean", "running_var")
    )
    gain = weight / torch.sqrt(variance + _EPS)
    conv_bias = tensors.get(f"{step}.conv.bias", torch.zeros_like(mean))
    tensors[f"{step}.conv.weight"] = tensors[f"{step}.conv.weight"] * gain.view(-1, 1, 1, 1)
    tensors[f"{step}.conv.bias"] = (conv_bias - mean) * gain + bias


def _complete(tensors: Tensors, generator: Generator, conventions: Conventions) -> None:
    """Add tensors that a port leaves out because they are constant."""
    for name, parameter in generator.state_dict().items():
        if name in tensors:
            continue
        if name.endswith("prelu.weight"):
            tensors[name] = torch.full_like(parameter, conventions.slope)
        elif name.endswith(("head.bias", "conv.bias", "output.bias", "num_batches_tracked")):
            tensors[name] = torch.zeros_like(parameter)


def _set_conventions(generator: Generator, tensors: Tensors, conventions: Conventions) -> None:
    for name, tensor in tensors.items():
        if name.endswith("prelu.weight") or name == "trunk_activation.weight":
            generator.set_submodule(name.removesuffix(".weight"), nn.PReLU(tensor.numel()))
    if conventions.mean is not None:
        gain = [1 / deviation for deviation in conventions.deviation]
        offset = [-mean * each for mean, each in zip(conventions.mean, gain, strict=True)]
        generator.normalise = Affine(gain, offset)
    if conventions.tanh:
        generator.to_image = nn.Sequential(nn.Tanh(), Affine(conventions.gain, conventions.offset))
