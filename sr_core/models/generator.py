"""The paper's generator, the network of both SRResNet and SRGAN."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sr_core.models.blocks import ResidualBlock, UpsampleBlock, unshuffled_kernel
from sr_core.models.network import Network

# LR pixels of context that the trunk and the tail see around a pixel. Tiling relies on both.
HEAD_REACH = 4  # the 9x9 convolution
TAIL_REACH = 3  # sub-pixel convolutions (1 + 1/2) and the 9x9 output layer (4/4), rounded up


class Generator(Network):
    """Upscale RGB images with a residual network and sub-pixel convolutions.

    Shapes: (N, 3, H, W) float in [0, 1] -> (N, 3, scale H, scale W) float, nominally in [0, 1],
    not clamped.
    Raises: ValueError if `scale` is not 2 or 4.
    Source: arXiv 1609.04802, section 2.1 and figure 4. Deviations: images are in [0, 1] on both
    sides (the paper's HR is in [-1, 1]); convolutions before a batch norm have no bias, which the
    norm would cancel. `normalise`, `trunk_activation` and `to_image` do nothing here: other
    people's ports of the paper replace them.
    """

    def __init__(self, scale: int = 4, channels: int = 64, blocks: int = 16) -> None:
        super().__init__()
        if scale not in (2, 4):
            raise ValueError(f"generator scale must be 2 or 4, not {scale}")
        self.scale, self.channels, self.blocks = scale, channels, blocks
        self.normalise: nn.Module = nn.Identity()
        self.head = nn.Conv2d(3, channels, 9, padding=4)
        self.head_prelu = nn.PReLU()
        self.residual = nn.Sequential(*(ResidualBlock(channels) for _ in range(blocks)))
        self.trunk_conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.trunk_bn = nn.BatchNorm2d(channels)
        self.trunk_activation: nn.Module = nn.Identity()
        self.upsample = nn.ModuleList(UpsampleBlock(channels) for _ in range(int(math.log2(scale))))
        self.output = nn.Conv2d(channels, 3, 9, padding=4)
        self.to_image: nn.Module = nn.Identity()

    @property
    def upsampling(self) -> list[UpsampleBlock]:
        """The upsampling blocks, in the order in which they act."""
        return [block for block in self.upsample if isinstance(block, UpsampleBlock)]

    @property
    def trunk_reach(self) -> int:
        """LR pixels of context that `trunk` needs on each side."""
        return HEAD_REACH + 2 * self.blocks + 1

    @property
    def tail_reach(self) -> int:
        """LR pixels of context that `tail` needs on each side."""
        return TAIL_REACH

    @property
    def trunk_width(self) -> int:
        """Values per LR pixel: five maps."""
        return 5 * self.channels

    @property
    def tail_width(self) -> int:
        """Values per LR pixel: three maps of 4 times `channels` at half of the output's size."""
        return 3 * 4 * self.channels * (self.scale // 2) ** 2

    def trunk(self, lr: Tensor) -> Tensor:
        """Return LR-sized features: (N, 3, H, W) -> (N, channels, H, W)."""
        first = self.head_prelu(self.head(self.normalise(lr)))
        last = self.trunk_bn(self.trunk_conv(self.residual(first)))
        return first + self.trunk_activation(last)

    def tail(self, features: Tensor) -> Tensor:
        """Return the image: (N, channels, H, W) -> (N, 3, scale H, scale W)."""
        *others, last = self.upsampling
        for block in others:
            features = block(features)
        kernel = unshuffled_kernel(self.output.weight)
        bias = None if self.output.bias is None else self.output.bias.repeat_interleave(4)
        sub_pixels = F.conv2d(last.forward_unshuffled(features), kernel, bias, padding=2)
        return self.to_image(F.pixel_shuffle(sub_pixels, 2))


def rescaled(generator: Generator, scale: int) -> Generator:
    """Return a generator of another scale to train, with the same weights in the layers of both.

    Trunk, output layer and first sub-pixel convolution are the same at x2 and x4; a second one
    starts as an interpolation.
    Raises: ValueError if `scale` is not 2 or 4.
    Source: arXiv 1707.02921 (EDSR), section 4.2, which starts x4 from x2.
    """
    other = Generator(scale, generator.channels, generator.blocks)
    initialise_as_interpolator(other)
    needed = other.state_dict()
    other.load_state_dict(
        needed | {name: value for name, value in generator.state_dict().items() if name in needed}
    )
    return other


@torch.no_grad()
def initialise_as_interpolator(generator: Generator) -> None:
    """Set the weights so that the untrained generator is a smooth interpolation.

    Three channels carry RGB unchanged through the head, the global skip and the sub-pixel
    convolutions; the output layer filters the repeated pixels with a separable kernel. The trunk's
    last batch norm starts at zero, so training adds detail to a sensible image from its first step
    and needs a fraction of the usual steps. All other weights keep their default, the output
    layer's at a tenth; each sub-pixel convolution repeats its kernels over the four sub-pixels, so
    that no checkerboard has to be unlearned.
    """
    _carry_rgb(generator.head.weight)
    if generator.head.bias is not None:
        generator.head.bias[:3].zero_()
    generator.trunk_bn.weight.zero_()
    for block in generator.upsampling:
        kernels = block.conv.weight[::4].clone()
        _carry_rgb(kernels)
        block.conv.weight.copy_(kernels.repeat_interleave(4, dim=0))
        if block.conv.bias is not None:
            bias = block.conv.bias[::4].clone()
            bias[:3].zero_()
            block.conv.bias.copy_(bias.repeat_interleave(4))
    taps = torch.tensor([0, 0, 0.5, 1, 1, 1, 0.5, 0, 0]) / 4
    generator.output.weight.mul_(0.1)
    generator.output.weight[:, :3].zero_()
    for channel in range(3):
        generator.output.weight[channel, channel] = torch.outer(taps, taps)
    if generator.output.bias is not None:
        generator.output.bias.zero_()


def _carry_rgb(kernels: Tensor) -> None:
    """Let the first three kernels copy the first three channels: (out, in, k, k), k odd."""
    centre = kernels.shape[-1] // 2
    kernels[:3].zero_()
    for channel in range(3):
        kernels[channel, channel, centre, centre] = 1.0
