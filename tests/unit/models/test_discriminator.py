"""The discriminator: the paper's layers, for any crop size."""

import pytest
import torch

from sr_core.models.discriminator import Discriminator
from sr_core.models.unet_discriminator import UNetDiscriminator


@pytest.fixture(scope="module")
def discriminator() -> Discriminator:
    torch.manual_seed(0)
    return Discriminator().eval()


def test_it_has_the_layers_of_the_paper(discriminator: Discriminator) -> None:
    convolutions = [discriminator.first, *discriminator.convolutions]
    shapes = [(conv.out_channels, conv.stride[0], conv.kernel_size[0]) for conv in convolutions]
    assert shapes == [
        (64, 1, 3),
        (64, 2, 3),
        (128, 1, 3),
        (128, 2, 3),
        (256, 1, 3),
        (256, 2, 3),
        (512, 1, 3),
        (512, 2, 3),
    ]
    assert len(discriminator.norms) == 7  # after every convolution but the first
    assert discriminator.dense.out_features == 1024


@pytest.mark.parametrize("size", [(96, 96), (16, 16), (50, 33), (128, 96)])
def test_any_crop_size_gives_one_logit_per_image(
    discriminator: Discriminator, size: tuple[int, int]
) -> None:
    with torch.no_grad():
        logits = discriminator(torch.rand(2, 3, *size))
    assert logits.shape == (2,)
    assert torch.isfinite(logits).all()


def test_the_paper_s_crops_reach_the_dense_layer_unchanged(discriminator: Discriminator) -> None:
    image = torch.rand(1, 3, 96, 96)
    with torch.no_grad():
        features = torch.nn.functional.leaky_relu(discriminator.first(image), 0.2)
        for conv, norm in zip(discriminator.convolutions, discriminator.norms, strict=True):
            features = torch.nn.functional.leaky_relu(norm(conv(features)), 0.2)
        assert features.shape == (1, 512, 6, 6)
        dense = torch.nn.functional.leaky_relu(discriminator.dense(features.flatten(1)), 0.2)
        torch.testing.assert_close(discriminator(image), discriminator.logit(dense)[:, 0])


@pytest.mark.parametrize("size", [(96, 96), (16, 24)])
def test_a_u_net_judges_every_pixel(size: tuple[int, int]) -> None:
    discriminator = UNetDiscriminator(8)
    logits = discriminator(torch.rand(2, 3, *size))
    assert logits.shape == (2, *size)
    logits.mean().backward()
    assert all(each.grad is not None for each in discriminator.parameters())


def test_a_u_net_has_spectral_norms_of_one_but_at_its_ends() -> None:
    torch.manual_seed(0)
    discriminator = UNetDiscriminator(8)
    for _ in range(30):  # iterations towards the norm
        discriminator(torch.rand(1, 3, 16, 16))
    inner = [*discriminator.down, *discriminator.up, *discriminator.last]
    norms = [torch.linalg.matrix_norm(each.weight.detach().flatten(1), 2).item() for each in inner]
    assert norms == pytest.approx([1.0] * 8, rel=0.05)
