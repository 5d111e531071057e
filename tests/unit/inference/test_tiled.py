"""The tiled generator: exactness against the plain network, out of memory, odd images."""

import numpy as np
import pytest
import torch

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.tensors import to_pixels, to_tensor
from sr_core.inference import engine
from sr_core.inference.folded import FoldedGenerator
from sr_core.inference.known_answer import known_answer_error
from sr_core.inference.tiled import SMALLEST_TILE_PX, GeneratorUpscaler
from sr_core.models.generator import Generator, initialise_as_interpolator


@pytest.fixture
def generator() -> Generator:
    torch.manual_seed(1)
    generator = Generator(channels=8, blocks=3)
    initialise_as_interpolator(generator)
    generator.trunk_bn.weight.data.fill_(0.1)
    for module in generator.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 2.0)
    return generator.eval()


def image(height: int, width: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), np.uint8)


def test_folding_changes_nothing(generator: Generator) -> None:
    lr = torch.rand(1, 3, 17, 13)
    before = generator(lr)
    torch.testing.assert_close(FoldedGenerator(generator)(lr), before, rtol=0, atol=1e-5)
    assert torch.equal(generator(lr), before), "folding must not touch the generator"


def test_equals_the_plain_network(generator: Generator) -> None:
    lr = image(120, 90)
    upscaler = GeneratorUpscaler(generator, "g")
    upscaler.trunk_px, upscaler.tail_px = 64 * 64, 32 * 32
    wide = np.pad(lr, ((8, 8), (8, 8), (0, 0)), mode="symmetric")
    whole = to_pixels(generator(to_tensor(wide)).detach(), lr.dtype)
    expected = whole[32:-32, 32:-32].astype(int)
    assert np.abs(upscaler.upscale(lr, 480, 360).pixels.astype(int) - expected).max() <= 1


def test_a_known_answer_is_right_and_a_broken_network_is_noticed(generator: Generator) -> None:
    upscaler = GeneratorUpscaler(generator, "g")
    assert known_answer_error(upscaler) <= 1
    upscaler._engine.output_weight.mul_(1.2)
    assert known_answer_error(upscaler) > 2


def test_grey_is_upscaled_as_one_channel(generator: Generator) -> None:
    sr = GeneratorUpscaler(generator, "g").upscale(image(12, 9, 1), 48, 36).pixels
    assert sr.shape == (48, 36, 1)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 20), (7, 7)])
def test_tiny_sides_keep_their_size(generator: Generator, height: int, width: int) -> None:
    sr = (
        GeneratorUpscaler(generator, "g")
        .upscale(image(height, width), 4 * height, 4 * width)
        .pixels
    )
    assert sr.shape == (4 * height, 4 * width, 3)


def test_another_size_is_resized_from_the_native_one(generator: Generator) -> None:
    upscaler = GeneratorUpscaler(generator, "g")
    lr = image(20, 30)
    assert upscaler.upscale(lr, 40, 60).pixels.shape == (40, 60, 3)
    half = upscaler.upscale(lr, 80, 120).pixels[::2, ::2].astype(float)
    assert np.abs(upscaler.upscale(lr, 40, 60).pixels - half).mean() < 20


def test_16_bits_keep_their_fine_steps(generator: Generator) -> None:
    lr = image(16, 16).astype(np.uint16) * 257
    sr = GeneratorUpscaler(generator, "g").upscale(lr, 64, 64).pixels
    assert sr.dtype == np.uint16
    assert len(np.unique(sr)) > 1000


class _Scarce(FoldedGenerator):
    """A device with memory for windows of `limit` pixels; fails as torch does on a CPU."""

    limit = 0

    def trunk(self, lr: torch.Tensor) -> torch.Tensor:
        if lr.shape[-1] * lr.shape[-2] > self.limit:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")
        return super().trunk(lr)


def test_memory_that_runs_out_halves_the_tiles(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    lr = image(150, 140)
    expected = GeneratorUpscaler(generator, "g").upscale(lr, 600, 560).pixels
    monkeypatch.setattr(engine, "FoldedGenerator", _Scarce)
    monkeypatch.setattr(_Scarce, "limit", 9000)
    upscaler = GeneratorUpscaler(generator, "g")
    found = upscaler.upscale(lr, 600, 560).pixels
    assert np.abs(found.astype(int) - expected.astype(int)).max() <= 1
    assert SMALLEST_TILE_PX <= upscaler.trunk_px <= 9000


def test_the_smallest_tile_fails_the_image(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "FoldedGenerator", _Scarce)
    with pytest.raises(ImageError) as raised:
        GeneratorUpscaler(generator, "g").upscale(image(100, 100), 400, 400)
    assert raised.value.error_class is ErrorClass.OUT_OF_MEMORY


def test_other_errors_are_not_taken_for_memory(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    upscaler = GeneratorUpscaler(generator, "g")
    with pytest.raises(RuntimeError, match="must match"):
        upscaler.upscale(image(20, 20, 2), 80, 80)


def test_values_that_are_not_finite_fail_the_image(generator: Generator) -> None:
    generator.output.bias.data.fill_(float("nan"))
    with pytest.raises(ImageError, match="not finite") as raised:
        GeneratorUpscaler(generator, "g").upscale(image(10, 10), 40, 40)
    assert raised.value.error_class is ErrorClass.INTERNAL


def test_half_precision_that_overflows_is_repeated_in_single(generator: Generator) -> None:
    lr = image(12, 12)
    expected = GeneratorUpscaler(generator, "g").upscale(lr, 48, 48).pixels
    upscaler = GeneratorUpscaler(generator, "g")
    upscaler._engine = FoldedGenerator(generator, "cpu", torch.float16)
    upscaler._engine.trunk_conv.weight.data.fill_(6e4)
    assert np.array_equal(upscaler.upscale(lr, 48, 48).pixels, expected)


def test_more_memory_means_larger_tiles(generator: Generator) -> None:
    small = GeneratorUpscaler(generator, "g", memory_budget_bytes=32 << 20)
    large = GeneratorUpscaler(generator, "g", memory_budget_bytes=320 << 20)
    assert large.trunk_px == pytest.approx(10 * small.trunk_px, rel=0.01)
