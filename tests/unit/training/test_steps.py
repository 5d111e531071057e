"""Training steps: which loss updates which network."""

import copy
import dataclasses

import pytest
import torch
from torch import Tensor, nn

from sr_core.metrics.lpips import LPIPS
from sr_core.models.discriminator import Discriminator
from sr_core.models.generator import Generator, initialise_as_interpolator
from sr_core.models.vgg import VGGStack
from sr_core.training.losses import perceptual_loss
from sr_core.training.steps import Adversary, Networks, srgan_step, srresnet_step

Batch = tuple[Tensor, Tensor]


@pytest.fixture(scope="module")
def batch() -> Batch:
    generator = torch.Generator().manual_seed(0)
    hr = torch.rand(2, 3, 16, 16, generator=generator)
    return nn.functional.avg_pool2d(hr, 2), hr


def networks(*, rate: float = 1e-3, clip_norm: float = 1.0) -> Networks:
    torch.manual_seed(0)
    generator = Generator(2)
    initialise_as_interpolator(generator)
    return Networks(
        generator=generator,
        generator_optimizer=torch.optim.SGD(generator.parameters(), lr=rate),
        content={"l1": 0.5, "l2": 2.0},
        features={},
        clip_norm=clip_norm,
    )


def adversary(*, rate: float = 1e-3, weight: float = 1e-2) -> Adversary:
    torch.manual_seed(1)
    discriminator = Discriminator()
    optimizer = torch.optim.SGD(discriminator.parameters(), lr=rate)
    return Adversary(discriminator, discriminator, optimizer, weight)


def parameters(network: nn.Module) -> Tensor:
    return torch.cat([each.detach().flatten() for each in network.parameters()])


def test_srresnet_learns_its_batch(batch: Batch) -> None:
    trained = networks(rate=0.02, clip_norm=0.5)
    losses = [float(srresnet_step(trained, *batch)["l2"]) for _ in range(8)]
    assert losses[-1] < 0.97 * losses[0], losses


def test_srresnet_follows_the_weighted_content(batch: Batch) -> None:
    trained = networks(clip_norm=1e9)
    expected = copy.deepcopy(trained.generator)
    lr, hr = batch
    sr = expected(lr)
    (0.5 * (sr - hr).abs().mean() + 2 * (sr - hr).square().mean()).backward()
    with torch.no_grad():
        for parameter in expected.parameters():
            if parameter.grad is not None:
                parameter.sub_(1e-3 * parameter.grad)
    srresnet_step(trained, lr, hr)
    torch.testing.assert_close(parameters(trained.generator), parameters(expected))


def test_srgan_reports_each_loss_and_what_the_discriminator_believes(batch: Batch) -> None:
    losses = srgan_step(networks(), adversary(), *batch)
    assert set(losses) == {"l1", "l2", "adversarial", "discriminator", "d_hr", "d_sr"}
    assert all(loss.dim() == 0 and not loss.requires_grad for loss in losses.values())
    assert 0 < float(losses["d_sr"]) < 1


def test_a_larger_adversarial_weight_moves_the_generator_elsewhere(batch: Batch) -> None:
    without, little, much = (networks() for _ in range(3))
    for each, weight in ((without, 0.0), (little, 1e-3), (much, 1.0)):
        srgan_step(each, adversary(weight=weight), *batch)
    reference = parameters(without.generator)
    distances = [(parameters(each.generator) - reference).norm() for each in (little, much)]
    assert 0 < distances[0] < distances[1]


def test_the_generator_s_part_does_not_move_the_discriminator(batch: Batch) -> None:
    # Without the discriminator's own step, nothing else may change it.
    trained, still = networks(), adversary(rate=0.0)
    before = parameters(still.judge)
    srgan_step(trained, still, *batch)
    assert torch.equal(parameters(still.judge), before)
    assert not torch.equal(parameters(trained.generator), parameters(networks().generator))


def test_the_discriminator_learns_to_tell_them_apart(batch: Batch) -> None:
    trained, opponent = networks(rate=0.02), adversary(rate=0.02, weight=0.0)
    believed = [srgan_step(trained, opponent, *batch) for _ in range(12)]
    first, last = believed[0], believed[-1]
    assert float(last["discriminator"]) < 0.9 * float(first["discriminator"])
    assert float(last["d_hr"] - last["d_sr"]) > float(first["d_hr"] - first["d_sr"])


def test_a_steep_gradient_is_clipped(batch: Batch) -> None:
    trained = networks(rate=1.0, clip_norm=1e-3)
    before = parameters(trained.generator)
    srresnet_step(trained, *batch)
    assert float((parameters(trained.generator) - before).norm()) == pytest.approx(1e-3, rel=1e-2)


def test_mixed_precision_gives_nearly_the_same_losses(batch: Batch) -> None:
    full = srgan_step(networks(), adversary(), *batch)
    trained = networks()
    mixed = Networks(
        **{name: getattr(trained, name) for name in Networks.__slots__}
        | {"autocast_dtype": torch.bfloat16}
    )
    for name, loss in srgan_step(mixed, adversary(), *batch).items():
        assert loss.dtype == torch.float32
        torch.testing.assert_close(loss, full[name], rtol=0.05, atol=0.02)


class _Squared(LPIPS):
    """Stands for the network, so that the loss has a value to check."""

    def __init__(self) -> None:
        nn.Module.__init__(self)

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        return (sr - hr).square().mean(dim=(1, 2, 3))


def test_lpips_of_the_batch_is_a_content_loss(batch: Batch) -> None:
    trained = dataclasses.replace(
        networks(), content={"lpips": 2.0}, features={"lpips": _Squared()}
    )
    expected = nn.functional.mse_loss(trained.generator(batch[0]), batch[1]).item()
    losses = srresnet_step(trained, *batch)
    assert float(losses["lpips"]) == pytest.approx(expected, rel=1e-5)


def test_white_paper_may_be_predicted_whiter_than_white() -> None:
    plain = networks(rate=0.0)
    free = dataclasses.replace(plain, free_beyond_white=True)
    white = torch.ones(1, 3, 16, 16)
    with torch.no_grad():
        plain.generator.output.bias.fill_(0.5)
    free_loss, plain_loss = (
        float(srresnet_step(each, white[..., :8, :8], white)["l1"]) for each in (free, plain)
    )
    assert free_loss < 0.01
    assert plain_loss > 0.1


class _Blurred(VGGStack):
    """Maps that are simple to follow: the image, and means of its parts."""

    def __init__(self) -> None:
        nn.Module.__init__(self)

    def forward(self, image: Tensor) -> list[Tensor]:
        return [nn.functional.avg_pool2d(image, side) for side in (1, 2, 2, 4, 4)]


def _with_features(content: dict[str, float]) -> Networks:
    return dataclasses.replace(
        networks(), content=content, features={"perceptual": _Blurred()}, clip_norm=1e9
    )


def test_the_perceptual_loss_compares_upscaled_and_true_maps(batch: Batch) -> None:
    trained = _with_features({"perceptual": 1.0})
    lr, hr = batch
    with torch.no_grad():
        expected = perceptual_loss(_Blurred(), trained.generator(lr), hr)
    assert float(srresnet_step(trained, lr, hr)["perceptual"]) == pytest.approx(
        float(expected), rel=1e-5
    )
