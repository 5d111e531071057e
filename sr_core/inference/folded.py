"""The generator rearranged for inference: the same function in fewer, faster operations."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sr_core.models.blocks import (
    ResidualBlock,
    unshuffled_kernel,
    unshuffled_slopes,
)
from sr_core.models.generator import Generator


class FoldedGenerator(nn.Module):
    """Compute what a generator in evaluation mode does, without gradients.

    Batch norms are folded into the convolutions before them, PReLUs work in place, the output layer
    runs before the last PixelShuffle (see `unshuffled_kernel`) and by columns (`_by_columns`),
    memory is channels-last. With `dtype` float16 only both ends stay in float32: the image, and the
    output layer, whose sums over 5,184 products decide the last bits of a pixel. Float32 is that on
    CUDA too, not TF32. The maximal difference to the generator in float32 is about 1e-6 of the
    image's range.
    """

    def __init__(
        self,
        generator: Generator,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        generator = copy.deepcopy(generator).eval()
        self.device, self.dtype = torch.device(device), dtype
        self.head = generator.head
        self.head_activation = _activation(generator.head_prelu.weight)
        blocks = [block for block in generator.residual if isinstance(block, ResidualBlock)]
        self.first = nn.ModuleList(_fold(block.conv1, block.bn1) for block in blocks)
        self.activations = nn.ModuleList(_activation(block.prelu.weight) for block in blocks)
        self.second = nn.ModuleList(_fold(block.conv2, block.bn2) for block in blocks)
        self.trunk_conv = _fold(generator.trunk_conv, generator.trunk_bn)
        self.trunk_activation = generator.trunk_activation
        steps = generator.upsampling
        self.sub_pixel = nn.ModuleList(block.conv for block in steps)
        self.sub_pixel_activations = nn.ModuleList(
            _activation(unshuffled_slopes(block.prelu.weight)) for block in steps
        )
        self.to(self.device, dtype)
        self.normalise = generator.normalise.to(self.device)
        self.to_image = generator.to_image.to(self.device)
        kernel = unshuffled_kernel(generator.output.weight.detach().float())
        bias = generator.output.bias
        bias = torch.zeros(3) if bias is None else bias.detach().float()
        self.output_weight: Tensor
        self.output_bias: Tensor
        self.register_buffer("output_weight", _channels_last(_by_columns(kernel)).to(self.device))
        self.register_buffer(
            "output_bias", bias.repeat_interleave(4).view(1, -1, 1, 1).to(self.device)
        )
        freeze(self)

    @torch.inference_mode()
    def trunk(self, lr: Tensor) -> Tensor:
        """Return features: (N, 3, H, W) float32 in [0, 1] -> (N, channels, H, W)."""
        lr = self.normalise(lr.to(self.device)).to(self.dtype)
        first = self.head_activation(self.head(_channels_last(lr)))
        features = first
        for conv1, activation, conv2 in zip(self.first, self.activations, self.second, strict=True):
            residual = conv2(activation(conv1(features)))
            features = residual.add_(features)
        return self.trunk_activation(self.trunk_conv(features)).add_(first)

    @torch.inference_mode()
    def tail(self, features: Tensor) -> Tensor:
        """Return the image: (N, channels, H, W) -> (N, 3, scale H, scale W) float32."""
        last = len(self.sub_pixel) - 1
        for index, (conv, activation) in enumerate(
            zip(self.sub_pixel, self.sub_pixel_activations, strict=True)
        ):
            features = activation(conv(features))
            if index < last:
                features = _channels_last(F.pixel_shuffle(features, 2))
        with _true_float32(features.device):
            columns = F.conv2d(features.float(), self.output_weight, padding=2)
        first, *others = columns.split(self.output_bias.shape[1], dim=1)
        taps = len(others)  # the rows that padding added, half of them on each side
        sub_pixels = first[:, :, :-taps] + self.output_bias
        for tap, column in enumerate(others, start=1):
            sub_pixels += column[:, :, tap : tap - taps or None]
        return self.to_image(F.pixel_shuffle(sub_pixels, 2))

    def forward(self, lr: Tensor) -> Tensor:
        """Return sr for lr in one piece, (N, 3, H, W) -> (N, 3, scale H, scale W)."""
        return self.tail(self.trunk(lr))


def freeze(module: nn.Module) -> None:
    """Make parameters constants, those of convolutions in channels-last memory.

    Convolutions in float32 on CUDA become true float32, so move the module to its device first.
    """
    for parameter in module.parameters():
        parameter.requires_grad_(False)
        if parameter.dim() == 4:
            parameter.data = _channels_last(parameter.data)
    for conv in module.modules():
        if type(conv) is nn.Conv2d and conv.weight.is_cuda and conv.weight.dtype == torch.float32:
            conv.__class__ = _Float32Conv2d


class _Float32Conv2d(nn.Conv2d):
    def forward(self, values: Tensor) -> Tensor:
        with _true_float32(values.device):
            return super().forward(values)


_cudnn_setting = threading.Lock()


@contextmanager
def _true_float32(device: torch.device) -> Iterator[None]:
    """Keep cuDNN from rounding float32 to TF32's 10 bits of mantissa, which torch allows it.

    The setting belongs to the process, hence the lock. It is held while kernels are chosen and
    launched or recorded, not while they run. If TF32 is off already, it stays off.
    """
    if device.type != "cuda":
        yield
        return
    cudnn: Any = torch.backends.cudnn
    # torch has the first setting from 2.9 on, and may then refuse to read the second.
    setting, name, rounding, exact = (
        (cudnn.conv, "fp32_precision", "tf32", "ieee")
        if hasattr(cudnn, "conv")
        else (cudnn, "allow_tf32", True, False)
    )
    with _cudnn_setting:
        if getattr(setting, name) != rounding:
            yield
            return
        setattr(setting, name, exact)
        try:
            yield
        finally:
            setattr(setting, name, rounding)


def _by_columns(kernel: Tensor) -> Tensor:
    """Turn the rows of a kernel into output channels: (out, in, k, k) -> (k out, in, 1, k).

    The convolution is then the sum of its k groups of channels, each shifted down by its row. Its
    12 outputs are too few for convolution libraries to run near the machine's speed; 60 are not.
    """
    return kernel.permute(2, 0, 1, 3).flatten(0, 1).unsqueeze(2)


def _channels_last(tensor: Tensor) -> Tensor:
    return tensor.contiguous(memory_format=torch.channels_last)


def _activation(slopes: Tensor) -> nn.Module:
    """Return a PReLU; one that works in place if all channels share a slope."""
    if slopes.numel() == 1:
        return nn.LeakyReLU(float(slopes.detach()), inplace=True)
    prelu = nn.PReLU(slopes.numel())
    prelu.weight.data = slopes.detach()
    return prelu


def _fold(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Conv2d:
    folded: nn.Conv2d = nn.utils.fusion.fuse_conv_bn_eval(conv.eval(), norm.eval())
    return folded
