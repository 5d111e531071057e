"""The paper's generator: shapes, number of weights, and its interpolating initialisation."""

import pytest
import torch
import torch.nn.functional as F

from sr_core.imaging.resample import degrade, resize
from sr_core.models.blocks import unshuffled_kernel
from sr_core.models.generator import Generator, initialise_as_interpolator


@pytest.mark.parametrize("scale", [2, 4])
def test_upscales_by_its_scale(scale: int) -> None:
    sr = Generator(scale, channels=8, blocks=2)(torch.rand(2, 3, 7, 9))
    assert sr.shape == (2, 3, 7 * scale, 9 * scale)


def test_other_scales_are_refused() -> None:
    with pytest.raises(ValueError, match="2 or 4, not 3"):
        Generator(3)


def test_has_the_layers_of_the_paper() -> None:
    generator = Generator()
    convolutions = [m for m in generator.modules() if isinstance(m, torch.nn.Conv2d)]
    assert len(convolutions) == 1 + 2 * 16 + 1 + 2 + 1
    assert [convolutions[0].kernel_size, convolutions[-1].kernel_size] == [(9, 9), (9, 9)]
    assert sum(isinstance(m, torch.nn.BatchNorm2d) for m in generator.modules()) == 33
    assert sum(isinstance(m, torch.nn.PReLU) for m in generator.modules()) == 1 + 16 + 2
    # 3*64*81 + 64 | 33 of 64*64*9 | 33 norms of 2*64 | 2 of 64*256*9 + 256 | 64*3*81 + 3 | 19
    assert sum(p.numel() for p in generator.parameters()) == 1_547_350


def test_the_rewritten_output_layer_computes_the_9x9_convolution() -> None:
    generator = Generator(channels=8, blocks=1).eval()
    lr = torch.rand(1, 3, 6, 5)
    features = generator.trunk(lr)
    for block in generator.upsample:
        features = block(features)
    torch.testing.assert_close(generator(lr), generator.output(features), rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [1, 3, 5, 9])
def test_unshuffled_kernel_commutes_with_the_shuffle(size: int) -> None:
    weight = torch.randn(2, 3, size, size, dtype=torch.float64)
    features = torch.randn(1, 12, 6, 7, dtype=torch.float64)
    expected = F.conv2d(F.pixel_shuffle(features, 2), weight, padding=size // 2)
    kernel = unshuffled_kernel(weight)
    found = F.pixel_shuffle(F.conv2d(features, kernel, padding=kernel.shape[-1] // 2), 2)
    torch.testing.assert_close(found, expected)


def test_the_start_is_an_interpolation() -> None:
    torch.manual_seed(0)
    y, x = torch.meshgrid(torch.linspace(0, 6, 96), torch.linspace(0, 6, 128), indexing="ij")
    hr = torch.stack([torch.sin(x) * torch.cos(y), torch.cos(x + y), torch.sin(y)])[None] / 2 + 0.5
    lr = degrade(hr, 4)
    generator = Generator().eval()
    untrained = (generator(lr) - hr).abs().mean()
    initialise_as_interpolator(generator)
    error = (generator(lr) - hr)[..., 16:-16, 16:-16].abs().mean()
    nearest = (resize(lr, 96, 128, "nearest") - hr)[..., 16:-16, 16:-16].abs().mean()
    assert error < nearest
    assert error < untrained / 20
