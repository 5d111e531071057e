"""Training: it learns, it resumes to the bit, it notices divergence."""

from pathlib import Path

import numpy as np
import pytest
import torch

from sr_core.training.data import CropPool
from sr_core.training.trainer import Schedule, SRResNetTrainer


@pytest.fixture(scope="module")
def pool() -> CropPool:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (2, 14, 17, 3), np.uint8)
    return CropPool([np.kron(each, np.ones((5, 5, 1), np.uint8)) for each in coarse], 2, 24)


def trainer(steps: int, **changes: object) -> SRResNetTrainer:
    schedule = Schedule(steps=steps, batch_size=2, warmup=2, **changes)  # type: ignore[arg-type]
    return SRResNetTrainer(schedule, scale=2)


def test_crops_are_aligned_and_depend_on_seed_and_step_alone(pool: CropPool) -> None:
    lr, hr = pool.batch(3, seed=1, step=5)
    again, _ = pool.batch(3, seed=1, step=5)
    other, _ = pool.batch(3, seed=1, step=6)
    assert (lr.shape, hr.shape) == ((3, 3, 12, 12), (3, 3, 24, 24))
    assert torch.equal(lr, again)
    assert not torch.equal(lr, other)
    shrunk = torch.nn.functional.avg_pool2d(hr, 2)
    inner = (shrunk - lr)[..., 2:-2, 2:-2].abs().mean()
    shifted = (shrunk.roll(1, -1) - lr)[..., 2:-2, 2:-2].abs().mean()
    assert inner < 0.5 * shifted


def test_photographs_smaller_than_a_crop_are_refused() -> None:
    with pytest.raises(ValueError, match="none of 1 photographs has 96 px"):
        CropPool([np.zeros((95, 200, 3), np.uint8)], 4, 96)


def test_the_schedule_rises_stays_and_falls() -> None:
    schedule = Schedule(steps=100, warmup=10, decay_share=0.4, learning_rate=1.0)
    rates = [schedule.learning_rate_at(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert set(rates[10:60]) == {1.0}
    assert rates[80] == pytest.approx(0.5)
    assert 0 < rates[99] < 0.03


def test_a_resumed_training_gives_the_same_weights_to_the_bit(
    pool: CropPool, tmp_path: Path
) -> None:
    straight = trainer(4)
    losses = [result.loss for result in straight.train(pool)]
    interrupted = trainer(4)
    run = interrupted.train(pool)
    first = [next(run).loss, next(run).loss]
    interrupted.save(tmp_path / "state.pt")
    resumed = trainer(4)
    resumed.load(tmp_path / "state.pt")
    assert first + [result.loss for result in resumed.train(pool)] == losses
    for mine, theirs in zip(
        resumed.average.parameters(), straight.average.parameters(), strict=True
    ):
        assert torch.equal(mine, theirs)


def test_a_loss_that_is_not_finite_stops_with_the_step(pool: CropPool) -> None:
    diverging = trainer(3)
    torch.nn.init.constant_(diverging.generator.output.weight, float("inf"))
    with pytest.raises(FloatingPointError, match=r"the loss is (nan|inf) at step 1"):
        list(diverging.train(pool))
