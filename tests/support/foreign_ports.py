"""Miniature reimplementations of public ports of the paper's generator: oracles for loading.

The state_dict of each has the names of its port. `upscale` includes the authors' pre- and
postprocessing of an image in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

IMAGENET_MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
IMAGENET_DEVIATION = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


def conv(taken: int, made: int, size: int = 3, *, bias: bool = True) -> nn.Conv2d:
    """Return a convolution that preserves the size."""
    return nn.Conv2d(taken, made, size, padding=size // 2, bias=bias)


def named(**modules: nn.Module) -> nn.Module:
    """Return a module that only holds named submodules."""
    module = nn.Module()
    for name, child in modules.items():
        module.add_module(name, child)
    return module


Residual = Callable[[Tensor], Tensor]
Stages = tuple[nn.Module, list[Residual], nn.Module, nn.Module]
"""Head, residual branches of the blocks, end of the trunk, and everything after the skip."""


class Port(nn.Module):
    """Base of all ports: connects their parts."""

    def stages(self) -> Stages:
        """Return the parts."""
        raise AssertionError

    def forward(self, image: Tensor) -> Tensor:
        """Return the output of the network without postprocessing."""
        head, residuals, trunk_end, rest = self.stages()
        first = head(image)
        features = first
        for residual in residuals:
            features = features + residual(features)
        return rest(first + trunk_end(features))

    def upscale(self, image: Tensor) -> Tensor:
        """Upscale an image in [0, 1]; the result is in [0, 1] as well."""
        return self(image)


class NamedBlock(nn.Module):
    def __init__(self, channels: int, *, bias: bool) -> None:
        super().__init__()
        self.conv1 = conv(channels, channels, bias=bias)
        self.bn1 = nn.BatchNorm2d(channels)
        self.prelu = nn.PReLU()
        self.conv2 = conv(channels, channels, bias=bias)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, features: Tensor) -> Tensor:
        return self.bn2(self.conv2(self.prelu(self.bn1(self.conv1(features)))))


class NamedStep(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = conv(channels, 4 * channels)
        self.prelu = nn.PReLU()

    def forward(self, features: Tensor) -> Tensor:
        return self.prelu(F.pixel_shuffle(self.conv(features), 2))


class LeftThomas(Port):
    """leftthomas/SRGAN: five blocks; in released files the trunk ends with a PReLU, not a norm."""

    def __init__(self, channels: int = 8, steps: int = 2, *, norm: bool = True) -> None:
        super().__init__()
        self.block1 = nn.Sequential(conv(3, channels, 9), nn.PReLU())
        for number in range(2, 7):
            self.add_module(f"block{number}", NamedBlock(channels, bias=True))
        end = nn.BatchNorm2d(channels) if norm else nn.PReLU()
        self.block7 = nn.Sequential(conv(channels, channels), end)
        self.block8 = nn.Sequential(
            *(NamedStep(channels) for _ in range(steps)), conv(channels, 3, 9)
        )

    def stages(self) -> Stages:
        blocks = [getattr(self, f"block{number}") for number in range(2, 7)]
        return self.block1, blocks, self.block7, self.block8

    def upscale(self, image: Tensor) -> Tensor:
        return (torch.tanh(self(image)) + 1) / 2


def five(channels: int, *, bias: bool, eps: float = 1e-5, relu: bool = False) -> nn.Sequential:
    return nn.Sequential(
        conv(channels, channels, bias=bias),
        nn.BatchNorm2d(channels, eps),
        nn.ReLU() if relu else nn.PReLU(),
        conv(channels, channels, bias=bias),
        nn.BatchNorm2d(channels, eps),
    )


def with_norm(channels: int, *, bias: bool, relu: bool) -> list[nn.Module]:
    return [
        module
        for _ in range(2)
        for module in (
            conv(channels, 4 * channels, bias=bias),
            nn.BatchNorm2d(4 * channels),
            nn.PixelShuffle(2),
            nn.ReLU() if relu else nn.PReLU(),
        )
    ]


class PyTorchGAN(Port):
    """eriklindernoren/PyTorch-GAN: norms with an epsilon of 0.8, normalised images, tanh."""

    def __init__(self, channels: int = 8, blocks: int = 2, *, relu: bool = False) -> None:
        super().__init__()
        self.relu, eps = relu, 1e-5 if relu else 0.8
        self.conv1 = nn.Sequential(conv(3, channels, 9), nn.ReLU() if relu else nn.PReLU())
        self.res_blocks = nn.Sequential(
            *(
                named(conv_block=five(channels, bias=True, eps=eps, relu=relu))
                for _ in range(blocks)
            )
        )
        self.conv2 = nn.Sequential(conv(channels, channels), nn.BatchNorm2d(channels, eps))
        self.upsampling = nn.Sequential(*with_norm(channels, bias=True, relu=relu))
        self.conv3 = nn.Sequential(conv(channels, 3, 9), nn.Tanh())

    def stages(self) -> Stages:
        rest = nn.Sequential(self.upsampling, self.conv3)
        return self.conv1, [b.conv_block for b in self.res_blocks], self.conv2, rest

    def upscale(self, image: Tensor) -> Tensor:
        if self.relu:
            return (self(image * 2 - 1) + 1) / 2
        sr = self((image - IMAGENET_MEAN) / IMAGENET_DEVIATION)
        return sr * IMAGENET_DEVIATION + IMAGENET_MEAN


class Sgrvinod(Port):
    """sgrvinod/a-PyTorch-Tutorial-to-Super-Resolution: ImageNet's normalisation in, tanh out."""

    def __init__(self, channels: int = 8, blocks: int = 2, steps: int = 2) -> None:
        super().__init__()
        residuals = [five(channels, bias=True) for _ in range(blocks)]
        self.conv_block1 = named(conv_block=nn.Sequential(conv(3, channels, 9), nn.PReLU()))
        self.residual_blocks = nn.Sequential(
            *(
                named(
                    conv_block1=named(conv_block=b[:3]),
                    conv_block2=named(conv_block=nn.Sequential(*b[3:])),
                )
                for b in residuals
            )
        )
        self.conv_block2 = named(
            conv_block=nn.Sequential(conv(channels, channels), nn.BatchNorm2d(channels))
        )
        self.subpixel_convolutional_blocks = nn.Sequential(
            *(NamedStep(channels) for _ in range(steps))
        )
        self.conv_block3 = named(conv_block=nn.Sequential(conv(channels, 3, 9), nn.Tanh()))

    def stages(self) -> Stages:
        residuals = [
            nn.Sequential(b.conv_block1.conv_block, b.conv_block2.conv_block)
            for b in self.residual_blocks
        ]
        rest = nn.Sequential(self.subpixel_convolutional_blocks, self.conv_block3.conv_block)
        return self.conv_block1.conv_block, residuals, self.conv_block2.conv_block, rest

    def upscale(self, image: Tensor) -> Tensor:
        return (self((image - IMAGENET_MEAN) / IMAGENET_DEVIATION) + 1) / 2


class _Layer(nn.Module):
    """A convolution, an optional norm, and an activation that may exist without being used."""

    def __init__(self, channels: int, taken: int, size: int = 3, *, norm: bool, act: bool) -> None:
        super().__init__()
        self.cnn = conv(taken, channels, size, bias=not norm)
        self.bn = nn.BatchNorm2d(channels) if norm else nn.Identity()
        self.act = nn.PReLU(channels)
        self.used = act

    def forward(self, features: Tensor) -> Tensor:
        features = self.bn(self.cnn(features))
        return self.act(features) if self.used else features


class Aladdin(Port):
    """aladdinpersson/Machine-Learning-Collection: one slope per channel, some never used."""

    def __init__(self, channels: int = 8, blocks: int = 2) -> None:
        super().__init__()
        self.initial = _Layer(channels, 3, 9, norm=False, act=True)
        self.residuals = nn.Sequential(
            *(
                named(
                    block1=_Layer(channels, channels, norm=True, act=True),
                    block2=_Layer(channels, channels, norm=True, act=False),
                )
                for _ in range(blocks)
            )
        )
        self.convblock = _Layer(channels, channels, norm=True, act=False)
        self.upsamples = nn.Sequential(
            *(
                named(conv=conv(channels, 4 * channels), ps=nn.PixelShuffle(2), act=nn.PReLU(8))
                for _ in range(2)
            )
        )
        self.final = conv(channels, 3, 9)

    def stages(self) -> Stages:
        residuals = [nn.Sequential(b.block1, b.block2) for b in self.residuals]
        steps = [nn.Sequential(s.conv, s.ps, s.act) for s in self.upsamples]
        return self.initial, residuals, self.convblock, nn.Sequential(*steps, self.final)

    def upscale(self, image: Tensor) -> Tensor:
        return (torch.tanh(self(image)) + 1) / 2


class Twtygqyy(Port):
    """twtygqyy/pytorch-SRResNet of 2017: leaky activations without weights, no biases at all."""

    def __init__(self, channels: int = 8, blocks: int = 2) -> None:
        super().__init__()
        self.relu = nn.LeakyReLU(0.2)
        self.conv_input = conv(3, channels, 9, bias=False)
        self.residual = nn.Sequential(
            *(
                named(
                    conv1=conv(channels, channels, bias=False),
                    bn1=nn.BatchNorm2d(channels),
                    conv2=conv(channels, channels, bias=False),
                    bn2=nn.BatchNorm2d(channels),
                )
                for _ in range(blocks)
            )
        )
        self.conv_mid = conv(channels, channels, bias=False)
        self.bn_mid = nn.BatchNorm2d(channels)
        step = [conv(channels, 4 * channels, bias=False), nn.PixelShuffle(2), self.relu]
        again = [conv(channels, 4 * channels, bias=False), nn.PixelShuffle(2), self.relu]
        self.upscale4x = nn.Sequential(*step, *again)
        self.conv_output = conv(channels, 3, 9, bias=False)

    def stages(self) -> Stages:
        residuals = [
            nn.Sequential(b.conv1, b.bn1, self.relu, b.conv2, b.bn2) for b in self.residual
        ]
        return (
            nn.Sequential(self.conv_input, self.relu),
            residuals,
            nn.Sequential(self.conv_mid, self.bn_mid),
            nn.Sequential(self.upscale4x, self.conv_output),
        )
