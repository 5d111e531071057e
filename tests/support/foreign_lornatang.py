"""Miniatures of the layouts of Lornatang/SRGAN-PyTorch over the years."""

from __future__ import annotations

from torch import Tensor, nn

from tests.support.foreign_ports import (
    NamedBlock,
    NamedStep,
    Port,
    Stages,
    conv,
    five,
    named,
    with_norm,
)


class Lornatang(Port):
    """Layout since 2022: input and output in [0, 1]; the port's final clamp is omitted."""

    def __init__(self, channels: int = 8, blocks: int = 2, steps: int = 2) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(conv(3, channels, 9), nn.PReLU())
        self.trunk = nn.Sequential(*(named(rcb=five(channels, bias=False)) for _ in range(blocks)))
        self.conv2 = nn.Sequential(conv(channels, channels, bias=False), nn.BatchNorm2d(channels))
        self.upsampling = nn.Sequential(
            *(
                named(
                    upsample_block=nn.Sequential(
                        conv(channels, 4 * channels), nn.PixelShuffle(2), nn.PReLU()
                    )
                )
                for _ in range(steps)
            )
        )
        self.conv3 = conv(channels, 3, 9)

    def stages(self) -> Stages:
        steps = nn.Sequential(*(step.upsample_block for step in self.upsampling))
        return self.conv1, [b.rcb for b in self.trunk], self.conv2, steps.append(self.conv3)


class LornatangOfSeptember2021(Port):
    """Layout of September 2021: as since 2022, with one upsampling sequence and longer names."""

    def __init__(self, channels: int = 8, blocks: int = 2) -> None:
        super().__init__()
        self.conv_block1 = nn.Sequential(conv(3, channels, 9), nn.PReLU())
        self.trunk = nn.Sequential(
            *(named(rc_block=five(channels, bias=False)) for _ in range(blocks))
        )
        self.conv_block2 = nn.Sequential(
            conv(channels, channels, bias=False), nn.BatchNorm2d(channels)
        )
        steps = [[conv(channels, 4 * channels), nn.PixelShuffle(2), nn.PReLU()] for _ in range(2)]
        self.upsampling = nn.Sequential(*steps[0], *steps[1])
        self.conv_block3 = conv(channels, 3, 9)

    def stages(self) -> Stages:
        rest = nn.Sequential(*self.upsampling, self.conv_block3)
        return self.conv_block1, [b.rc_block for b in self.trunk], self.conv_block2, rest


class LornatangOfJune2021(Port):
    """Release 0.3, June 2021: input in [0, 1]; a final tanh, so output in [-1, 1]."""

    def __init__(self, channels: int = 8, blocks: int = 2) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(conv(3, channels, 9), nn.PReLU())
        self.trunk = nn.Sequential(*(NamedBlock(channels, bias=False) for _ in range(blocks)))
        self.conv2 = nn.Sequential(conv(channels, channels, bias=False), nn.BatchNorm2d(channels))
        self.subpixel_conv = nn.Sequential(NamedStep(channels), NamedStep(channels))
        self.conv3 = nn.Sequential(conv(channels, 3, 9), nn.Tanh())

    def stages(self) -> Stages:
        rest = nn.Sequential(self.subpixel_conv, self.conv3)
        return self.conv1, list(self.trunk), self.conv2, rest

    def upscale(self, image: Tensor) -> Tensor:
        return (self(image) + 1) / 2


class LornatangOf2020(Port):
    """Layout of 2020: no biases, norms in the upsampling."""

    def __init__(self, channels: int = 8, blocks: int = 2) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(conv(3, channels, 9, bias=False), nn.PReLU())
        self.Trunk = nn.Sequential(*(NamedBlock(channels, bias=False) for _ in range(blocks)))
        self.conv2 = nn.Sequential(conv(channels, channels, bias=False), nn.BatchNorm2d(channels))
        self.upsampling = nn.Sequential(*with_norm(channels, bias=False, relu=False))
        self.conv3 = nn.Sequential(conv(channels, 3, 9, bias=False), nn.Tanh())

    def stages(self) -> Stages:
        rest = nn.Sequential(self.upsampling, self.conv3)
        return self.conv1, list(self.Trunk), self.conv2, rest

    def upscale(self, image: Tensor) -> Tensor:
        return (self(image) + 1) / 2
