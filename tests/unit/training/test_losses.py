"""Losses against the paper's formulas."""

import math

import pytest
import torch
from torch import Tensor, nn

from sr_core.training.losses import (
    PIXEL_LOSSES,
    adversarial_loss,
    artefact_loss,
    blotch_loss,
    discriminator_loss,
    grid_loss,
    perceptual_loss,
    saturated,
    vgg_loss,
)


def test_the_generator_is_punished_by_the_negative_logarithm_of_approval() -> None:
    approval = torch.tensor([0.25, 0.8])
    logits = torch.logit(approval)
    expected = -(math.log(0.25) + math.log(0.8)) / 2
    assert float(adversarial_loss(logits)) == pytest.approx(expected, rel=1e-5)


def test_the_discriminator_is_punished_by_cross_entropy() -> None:
    logits = torch.logit(torch.tensor([0.25, 0.8]))
    photographs = discriminator_loss(logits, is_photograph=True)
    upscaled = discriminator_loss(logits, is_photograph=False)
    assert float(photographs) == pytest.approx(-(math.log(0.25) + math.log(0.8)) / 2, rel=1e-5)
    assert float(upscaled) == pytest.approx(-(math.log(0.75) + math.log(0.2)) / 2, rel=1e-5)


def test_sure_logits_stay_finite_and_keep_their_slope() -> None:
    logits = torch.tensor([-200.0], requires_grad=True)
    adversarial_loss(logits).backward()
    assert float(logits.grad) == pytest.approx(-1.0)  # type: ignore[arg-type]


class _Doubled(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        return 2 * image


def test_the_vgg_loss_is_the_mean_square_of_rescaled_features() -> None:
    sr, hr = torch.full((1, 3, 4, 4), 0.5), torch.full((1, 3, 4, 4), 0.25)
    loss = vgg_loss(_Doubled(), sr, hr)  # type: ignore[arg-type]
    assert float(loss) == pytest.approx((0.5 / 12.75) ** 2)


def test_pixel_losses_are_means() -> None:
    sr, hr = torch.tensor([0.0, 1.0]), torch.tensor([0.5, 1.0])
    assert float(PIXEL_LOSSES["l1"](sr, hr)) == pytest.approx(0.25)
    assert float(PIXEL_LOSSES["l2"](sr, hr)) == pytest.approx(0.125)


def test_a_grid_costs_its_variance_and_other_errors_nothing() -> None:
    hr = torch.rand(2, 3, 16, 24, generator=torch.Generator().manual_seed(0))
    pattern = torch.tensor([[0.1, -0.1], [-0.1, 0.1]])
    assert float(grid_loss(hr + pattern.tile(8, 12), hr, 2)) == pytest.approx(0.01, rel=1e-4)
    assert float(grid_loss(hr + 0.3, hr, 2)) == pytest.approx(0, abs=1e-12)
    blocks = torch.rand(1, 3, 8, 12).repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert float(grid_loss(hr + blocks, hr, 2)) == pytest.approx(0, abs=1e-12)


def test_a_grid_in_one_crop_is_not_made_up_for_by_its_opposite_in_another() -> None:
    hr = torch.zeros(2, 3, 8, 8)
    pattern = torch.tensor([[0.1, -0.1], [-0.1, 0.1]]).tile(4, 4)
    both = torch.stack([pattern, -pattern])[:, None]
    assert float(grid_loss(hr + both, hr, 2)) == pytest.approx(0.01)


class _Stack(nn.Module):
    """Five feature maps, each larger than the one before it."""

    def forward(self, image: Tensor) -> list[Tensor]:
        return [10.0**power * image for power in range(5)]


def test_the_perceptual_loss_weighs_layers_whatever_their_size() -> None:
    sr, hr = torch.full((1, 3, 4, 4), 0.5), torch.full((1, 3, 4, 4), 0.25)
    loss = perceptual_loss(_Stack(), sr, hr)  # type: ignore[arg-type]
    assert float(loss) == pytest.approx((0.1 + 0.1 + 1 + 1 + 1) * 1.0)


def test_artefacts_are_uneven_errors_that_the_average_does_not_have() -> None:
    generator = torch.Generator().manual_seed(0)
    hr = torch.rand(1, 3, 32, 32, generator=generator)
    dots = 0.2 * torch.rand(1, 3, 32, 32, generator=generator)
    assert float(artefact_loss(hr + 0.1, hr, hr)) == pytest.approx(0, abs=1e-6)
    assert float(artefact_loss(hr + dots, hr + 2 * dots, hr)) == 0
    assert float(artefact_loss(hr + dots, hr, hr)) > 1e-4


def test_the_local_variance_of_artefacts_is_that_of_numpy() -> None:
    error = torch.rand(1, 3, 7, 7, generator=torch.Generator().manual_seed(1))
    hr = torch.zeros(1, 3, 7, 7)
    total = error.sum(1)
    window = torch.nn.functional.pad(total[None], [3] * 4, mode="reflect")[0, 0]
    variance = window.unfold(0, 7, 1).unfold(1, 7, 1).reshape(7, 7, 49).var(dim=-1)
    weight = total.var().pow(0.2) * variance
    expected = (weight * error).abs().mean()
    assert float(artefact_loss(error, hr, hr)) == pytest.approx(float(expected), rel=1e-4)


def test_only_values_beyond_a_saturated_truth_are_cut_off() -> None:
    sr = torch.tensor([1.2, 1.2, 0.9, -0.1, -0.1, 0.1])
    hr = torch.tensor([1.0, 0.8, 1.0, 0.0, 0.2, 0.0])
    assert saturated(sr, hr).tolist() == pytest.approx([1.0, 1.2, 0.9, 0.0, -0.1, 0.1])


def test_a_value_beyond_white_paper_is_not_pulled_back() -> None:
    sr = torch.tensor([1.2, 1.2], requires_grad=True)
    PIXEL_LOSSES["l1"](saturated(sr, torch.tensor([1.0, 0.9])), torch.tensor([1.0, 0.9])).backward()
    assert sr.grad is not None
    assert sr.grad.tolist() == [0.0, 0.5]


def test_a_blotch_costs_more_than_noise_of_the_same_size() -> None:
    hr = torch.full((1, 3, 32, 32), 0.5)
    noise = 0.1 * torch.randn(hr.shape, generator=torch.Generator().manual_seed(0)).sign()
    blotch = torch.full_like(hr, 0.1)
    blotch[..., 16:] *= -1
    assert float(PIXEL_LOSSES["l1"](hr + noise, hr)) == pytest.approx(0.1)
    assert float(blotch_loss(hr + blotch, hr)) == pytest.approx(0.3)
    assert float(blotch_loss(hr + noise, hr)) < 0.06
