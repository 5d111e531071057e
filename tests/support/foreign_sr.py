"""Miniature RRDBNet and MSRResNet in every published layout: oracles for loading."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.support.foreign_ports import conv


class Dense(nn.Module):
    """Five densely connected convolutions; `inner`: each in a sequence, as ESRGAN first did."""

    def __init__(self, channels: int, growth: int, *, inner: bool) -> None:
        super().__init__()
        for index in range(5):
            made = growth if index < 4 else channels
            layer: nn.Module = conv(channels + index * growth, made)
            self.add_module(f"conv{index + 1}", nn.Sequential(layer) if inner else layer)

    def forward(self, features: Tensor) -> Tensor:
        maps = [features]
        for number in range(1, 5):
            layer = getattr(self, f"conv{number}")
            maps.append(F.leaky_relu(layer(torch.cat(maps, 1)), 0.2))
        return features + 0.2 * self.conv5(torch.cat(maps, 1))


class Block(nn.Module):
    """Three dense blocks, named NAME1 to NAME3."""

    def __init__(self, channels: int, growth: int, name: str, *, inner: bool = False) -> None:
        super().__init__()
        self.names = [f"{name}{number}" for number in (1, 2, 3)]
        for each in self.names:
            self.add_module(each, Dense(channels, growth, inner=inner))

    def forward(self, features: Tensor) -> Tensor:
        residual = features
        for each in self.names:
            residual = getattr(self, each)(residual)
        return features + 0.2 * residual


def double(image: Tensor) -> Tensor:
    """Repeat every pixel twice in both directions."""
    return image.repeat_interleave(2, -1).repeat_interleave(2, -2)


class RRDBNet(nn.Module):
    """RRDBNet with BasicSR's names; scales 2 and 1 unshuffle pixels to channels first."""

    def __init__(self, scale: int = 4, channels: int = 8, growth: int = 4, blocks: int = 2) -> None:
        super().__init__()
        self.square = 4 // scale
        self.conv_first = conv(3 * self.square**2, channels)
        self.body = nn.Sequential(*(Block(channels, growth, "rdb") for _ in range(blocks)))
        self.conv_body = conv(channels, channels)
        self.conv_up1 = conv(channels, channels)
        self.conv_up2 = conv(channels, channels)
        self.conv_hr = conv(channels, channels)
        self.conv_last = conv(channels, 3)

    def upscale(self, image: Tensor) -> Tensor:
        batch, colours, height, width = image.shape
        side = self.square
        cells = image.reshape(batch, colours, height // side, side, width // side, side)
        cells = cells.permute(0, 1, 3, 5, 2, 4).reshape(batch, -1, height // side, width // side)
        first = self.conv_first(cells)
        features = first + self.conv_body(self.body(first))
        features = F.leaky_relu(self.conv_up1(double(features)), 0.2)
        features = F.leaky_relu(self.conv_up2(double(features)), 0.2)
        return self.conv_last(F.leaky_relu(self.conv_hr(features), 0.2))


class ESRGAN(nn.Module):
    """RRDBNet with the names of ESRGAN's second release, which BSRGAN and RealSR kept."""

    def __init__(self, channels: int = 8, growth: int = 4, blocks: int = 2) -> None:
        super().__init__()
        self.conv_first = conv(3, channels)
        self.RRDB_trunk = nn.Sequential(*(Block(channels, growth, "RDB") for _ in range(blocks)))
        self.trunk_conv = conv(channels, channels)
        self.upconv1 = conv(channels, channels)
        self.upconv2 = conv(channels, channels)
        self.HRconv = conv(channels, channels)
        self.conv_last = conv(channels, 3)

    def upscale(self, image: Tensor) -> Tensor:
        first = self.conv_first(image)
        features = first + self.trunk_conv(self.RRDB_trunk(first))
        for layer in (self.upconv1, self.upconv2):
            features = F.leaky_relu(layer(double(features)), 0.2)
        return self.conv_last(F.leaky_relu(self.HRconv(features), 0.2))


class _Shortcut(nn.Module):
    def __init__(self, *modules: nn.Module) -> None:
        super().__init__()
        self.sub = nn.Sequential(*modules)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.sub(features)


class FirstESRGAN(nn.Module):
    """RRDBNet as one sequence, as in ESRGAN's first release."""

    def __init__(self, steps: int = 2, channels: int = 8, growth: int = 4, blocks: int = 2) -> None:
        super().__init__()
        trunk = [Block(channels, growth, "RDB", inner=True) for _ in range(blocks)]
        upsampling = [
            module
            for _ in range(steps)
            for module in (nn.Upsample(scale_factor=2), conv(channels, channels), nn.LeakyReLU(0.2))
        ]
        self.model = nn.Sequential(
            conv(3, channels),
            _Shortcut(*trunk, conv(channels, channels)),
            *upsampling,
            conv(channels, channels),
            nn.LeakyReLU(0.2),
            conv(channels, 3),
        )

    def upscale(self, image: Tensor) -> Tensor:
        return self.model(image)


class _Plain(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = conv(channels, channels)
        self.conv2 = conv(channels, channels)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.conv2(self.conv1(features).relu())


class MSRResNet(nn.Module):
    """MSRResNet with BasicSR's names or, if `old`, with those from before 2020."""

    def __init__(
        self, scale: int = 4, channels: int = 8, blocks: int = 2, *, old: bool = False
    ) -> None:
        super().__init__()
        self.scale, self.step = scale, 2 if scale == 4 else scale
        self.trunk_name, self.last_name = ("recon_trunk", "HRconv") if old else ("body", "conv_hr")
        self.conv_first = conv(3, channels)
        self.add_module(self.trunk_name, nn.Sequential(*(_Plain(channels) for _ in range(blocks))))
        self.upconv1 = conv(channels, self.step**2 * channels)
        if scale == 4:
            self.upconv2 = conv(channels, 4 * channels)
        self.add_module(self.last_name, conv(channels, channels))
        self.conv_last = conv(channels, 3)

    def upscale(self, image: Tensor) -> Tensor:
        features = F.leaky_relu(self.conv_first(image), 0.1)
        features = getattr(self, self.trunk_name)(features)
        for layer in [self.upconv1, self.upconv2] if self.scale == 4 else [self.upconv1]:
            features = F.leaky_relu(F.pixel_shuffle(layer(features), self.step), 0.1)
        detail = self.conv_last(F.leaky_relu(getattr(self, self.last_name)(features), 0.1))
        return detail + F.interpolate(
            image, scale_factor=self.scale, mode="bilinear", align_corners=False
        )
