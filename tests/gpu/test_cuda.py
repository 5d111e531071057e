"""The generator on a CUDA device: half precision against the reference, memory that runs out."""

import numpy as np
import pytest
import torch

from sr_core.inference.tiled import GeneratorUpscaler, known_answer_error
from sr_core.models.catalogue import find_checkpoint
from sr_core.models.checkpoint import load_generator

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
