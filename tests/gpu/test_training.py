"""Training on a CUDA device: mixed precision, compiled, resumed, close to the CPU's losses."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from sr_core.training.settings import Stage
from sr_core.training.trainer import Trainer
from sr_core.training.workers import LONE_WORKER, Worker, mixed_precision

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

SRGAN = Stage("srgan", 4, {"l1": 1.0}, adversarial=1e-2, batch_size=4, crop_px=32, warmup=1)


def batches(first: int, stop: int) -> Iterator[tuple[Tensor, Tensor]]:
    for step in range(first, stop):
        hr = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(step))
        yield torch.nn.functional.avg_pool2d(hr, 4), hr


def train(trainer: Trainer, first: int, stop: int) -> list[dict[str, float]]:
    results = trainer.train(batches(first, stop))
    return [{name: float(loss) for name, loss in result.losses.items()} for result in results]


@pytest.mark.parametrize("compiled", [False, True])
def test_mixed_precision_has_nearly_the_losses_of_the_cpu(compiled: bool) -> None:
    device = torch.device("cuda")
    dtype = mixed_precision("auto", device)
    cuda = Trainer(SRGAN, worker=Worker(device), autocast_dtype=dtype, compiled=compiled)
    for mine, theirs in zip(
        train(cuda, 0, 4), train(Trainer(SRGAN, worker=LONE_WORKER), 0, 4), strict=True
    ):
        assert mine == pytest.approx(theirs, rel=0.1, abs=0.03)


def test_a_resumed_stage_goes_on_where_it_was() -> None:
    worker = Worker(torch.device("cuda"))
    straight = train(Trainer(SRGAN, worker=worker), 0, 4)
    interrupted, resumed = (Trainer(SRGAN, worker=worker) for _ in range(2))
    train(interrupted, 0, 2)
    resumed.load_state(interrupted.state())
    for mine, theirs in zip(train(resumed, 2, 4), straight[2:], strict=True):
        assert mine == pytest.approx(theirs, rel=1e-3)
