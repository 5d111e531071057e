"""The generator on a CUDA device: half precision against the reference, memory that runs out."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from sr_core.inference.known_answer import known_answer_error
from sr_core.inference.tiled import GeneratorUpscaler
from sr_core.models.catalogue import find_checkpoint
from sr_core.models.checkpoint import load_generator
from sr_core.models.msrresnet import MSRResNet
from sr_core.models.network import Network
from sr_core.models.rrdb import RRDBNet

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.fixture
def upscaler() -> GeneratorUpscaler:
    generator, _ = load_generator(find_checkpoint("srresnet"))
    return GeneratorUpscaler(generator, "srresnet", device="cuda")


def test_half_precision_gives_the_known_answer(upscaler: GeneratorUpscaler) -> None:
    assert known_answer_error(upscaler) <= 2


def test_tiles_of_any_size_fit_together(upscaler: GeneratorUpscaler) -> None:
    image = np.random.default_rng(0).integers(0, 256, (300, 200, 3), np.uint8)
    whole = upscaler.upscale(image, 1200, 800).astype(int)
    upscaler.trunk_px, upscaler.tail_px = 150 * 150, 40 * 40
    assert np.abs(upscaler.upscale(image, 1200, 800) - whole).max() <= 2


@pytest.mark.parametrize(
    "make", [lambda: RRDBNet(4, blocks=6), lambda: RRDBNet(2, cell_px=2, blocks=2), MSRResNet]
)
def test_other_networks_give_the_known_answer_too(make: Callable[[], Network]) -> None:
    torch.manual_seed(0)
    network = make()
    torch.nn.init.constant_(network.output.bias, 0.5)
    upscaler = GeneratorUpscaler(network, "other", device="cuda")
    assert known_answer_error(upscaler) <= 2
    image = np.random.default_rng(0).integers(0, 256, (301, 199, 3), np.uint8)
    size = (301 * network.scale, 199 * network.scale)
    whole = upscaler.upscale(image, *size).astype(int)
    upscaler.trunk_px, upscaler.tail_px = 150 * 150, 40 * 40
    assert np.abs(upscaler.upscale(image, *size) - whole).max() <= 2
