"""One stage: schedule, moving average, bit-exact resume, and the stop of a divergence."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from sr_core.training.loss_sums import DivergenceError, LossSums, check_losses
from sr_core.training.settings import Stage, Training, feature_losses
from sr_core.training.trainer import Trainer
from sr_core.training.workers import LONE_WORKER


def batches(first: int, steps: int) -> Iterator[tuple[Tensor, Tensor]]:
    for step in range(first, steps):
        hr = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(step))
        yield torch.nn.functional.avg_pool2d(hr, 2), hr


def trainer(stage: Stage) -> Trainer:
    return Trainer(stage, scale=2)


SRRESNET = Stage("srresnet", 4, batch_size=2, crop_px=16, warmup=1)
U_NET = Stage(
    "srgan-photo",
    4,
    {"l1": 1.0, "artefact": 1.0},
    adversarial=1e-2,
    discriminator="unet",
    discriminator_channels=8,
    batch_size=2,
    crop_px=16,
    warmup=1,
    frozen_norms_share=0.5,
)
SRGAN = Stage("srgan", 4, {"l1": 1.0}, adversarial=1e-2, batch_size=2, crop_px=16, warmup=1)


@pytest.mark.parametrize("stage", [SRRESNET, SRGAN, U_NET], ids=lambda stage: stage.name)
def test_a_resumed_stage_goes_on_to_the_bit(stage: Stage) -> None:
    straight = trainer(stage)
    expected = [result.losses for result in straight.train(batches(0, 4))]
    interrupted = trainer(stage)
    seen = [result.losses for result in interrupted.train(batches(0, 2))]
    resumed = trainer(stage)
    resumed.load_state(interrupted.state())
    assert resumed.step == 2
    seen += [result.losses for result in resumed.train(batches(2, 4))]
    assert [{name: float(loss) for name, loss in each.items()} for each in seen] == [
        {name: float(loss) for name, loss in each.items()} for each in expected
    ]
    for mine, theirs in zip(
        resumed.average.state_dict().values(), straight.average.state_dict().values(), strict=True
    ):
        assert torch.equal(mine, theirs)


def test_a_stage_ends_with_its_steps_whatever_batches_are_left() -> None:
    assert [result.step for result in trainer(SRRESNET).train(batches(0, 9))] == [1, 2, 3, 4]


def test_a_stage_starts_from_the_generator_it_is_given() -> None:
    first = trainer(SRRESNET)
    list(first.train(batches(0, 2)))
    second = Trainer(SRGAN, scale=2, start=first.average.state_dict())
    for name, value in second.generator.state_dict().items():
        assert torch.equal(value, first.average.state_dict()[name])


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_batch_norms_keep_their_statistics_in_the_last_steps(share: float) -> None:
    trained = trainer(replace(SRRESNET, frozen_norms_share=share))
    means = [trained.generator.trunk_bn.running_mean.clone()]
    steps = trained.train(batches(0, 4))
    means += [trained.generator.trunk_bn.running_mean.clone() for _ in steps]
    moves = [not torch.equal(*pair) for pair in pairwise(means)]
    assert moves == ([True, True, False, False] if share == 0.5 else [False] * 4)


def test_the_average_stays_between_the_weights_it_saw() -> None:
    trained = trainer(SRRESNET)
    start = trained.generator.head.weight.detach().clone()
    list(trained.train(batches(0, 1)))
    end = trained.generator.head.weight.detach()
    mean = trained.average.head.weight
    decay = 2 / 11  # after one step, far below ema_decay
    torch.testing.assert_close(mean, decay * start + (1 - decay) * end)
    assert not torch.equal(start, end)


def test_a_colour_cast_is_taken_out_of_the_average() -> None:
    trained = trainer(SRGAN)
    with torch.no_grad():
        trained.average.output.bias += torch.tensor([0.02, 0.0, -0.03])
    trained.remove_colour_cast(batches(0, 3))
    with torch.no_grad():
        errors = [(trained.average(lr) - hr).mean(dim=(0, 2, 3)) for lr, hr in batches(0, 3)]
    assert torch.stack(errors).mean(dim=0).abs().max() < 1e-6


def test_the_rate_rises_stays_and_falls_as_a_cosine() -> None:
    stage = Stage("srresnet", 100, warmup=10, decay_share=0.4)
    rates = [stage.warmup_at(step) * stage.decay_at(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[10:61] == pytest.approx([1.0] * 51)
    assert rates[80] == pytest.approx(0.5)
    assert rates[60:] == sorted(rates[60:], reverse=True)
    assert 0 < rates[99] < 0.002


def test_the_discriminator_has_no_warm_up() -> None:
    stage = Stage("srgan", 9, {"l1": 1.0}, adversarial=1e-2, learning_rate=1e-3, warmup=10**9)
    trained = trainer(stage)
    assert trained.discriminator is not None
    parts = (trained.generator.head.weight.data, trained.discriminator.logit.weight.data)
    before = [part.clone() for part in parts]
    next(trained.train(batches(0, 1)))
    moved = [float((part - start).abs().max()) for part, start in zip(parts, before, strict=True)]
    assert moved[0] < 1e-9 < 1e-5 < moved[1]


def test_losses_that_are_not_finite_end_a_training_with_name_and_step() -> None:
    with pytest.raises(DivergenceError, match=r"l1 loss of stage srresnet is nan at step 7"):
        check_losses(SRRESNET, 7, {"l1": float("nan")}, 1.0)


def test_a_content_loss_that_runs_away_ends_a_training() -> None:
    lowest = check_losses(SRRESNET, 1, {"l1": 0.02}, float("inf"))
    assert check_losses(SRRESNET, 2, {"l1": 0.07}, lowest) == 0.02
    with pytest.raises(DivergenceError, match=r"rose from 0\.02 to 0\.09 at step 3"):
        check_losses(SRRESNET, 3, {"l1": 0.09}, lowest)


def test_reported_losses_are_means_since_the_last_report() -> None:
    sums = LossSums()
    for value in (1.0, 3.0):
        sums.add({"l1": torch.tensor(value)})
    assert sums.take(LONE_WORKER)[0] == {"l1": 2.0}
    sums.add({"l1": torch.tensor(5.0)})
    assert sums.take(LONE_WORKER)[0] == {"l1": 5.0}


def test_settings_that_cannot_be_trained_are_refused() -> None:
    with pytest.raises(ValueError, match="steps must be at least 1, not 0"):
        Stage("srresnet", 0)
    with pytest.raises(ValueError, match="at least one loss"):
        Stage("srresnet", 1, {"l1": 0.0})
    with pytest.raises(ValueError, match="adversarial must be at least 0"):
        Stage("srresnet", 1, adversarial=-1.0)
    with pytest.raises(ValueError, match="frozen_norms_share must be from 0 to 1, not 2"):
        Stage("srresnet", 1, frozen_norms_share=2)
    with pytest.raises(ValueError, match="crop_px 50 is not a multiple of scale 4"):
        Training((Stage("srresnet", 1, crop_px=50),))
    with pytest.raises(ValueError, match="distinct names"):
        Training((SRRESNET, SRRESNET))


def test_only_losses_with_a_weight_are_loaded() -> None:
    assert feature_losses(Stage("srgan", 1, {"vgg54": 1.0, "vgg22": 0.0})) == ["vgg54"]
    assert feature_losses(Stage("srgan", 1, {"perceptual": 1.0})) == ["perceptual"]
    assert feature_losses(Stage("srgan", 1, {"l1": 1.0, "lpips": 2.0})) == ["lpips"]
