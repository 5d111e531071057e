"""Networks other than the paper's in the upscaler: tiles, cells, half precision and memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sr_core.imaging.tensors import to_pixels, to_tensor
from sr_core.inference import engine, tiled
from sr_core.inference.engine import PlainEngine, make_engine
from sr_core.inference.known_answer import known_answer_error
from sr_core.inference.tiled import GeneratorUpscaler
from sr_core.models.msrresnet import MSRResNet
from sr_core.models.network import Network
from sr_core.models.rrdb import RRDBNet
from tests.support.networks import NETWORKS, make_network


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest) -> Network:
    return make_network(request.param)


def image(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def difference(found: np.ndarray, expected: np.ndarray) -> int:
    return int(np.abs(found.astype(int) - expected.astype(int)).max())


def plain(network: Network, lr: np.ndarray) -> np.ndarray:
    """Return the network's own output for an image with its mirrored border, cropped again."""
    missing = [-side % network.cell_px for side in lr.shape[:2]]
    wide = np.pad(lr, [*((8, 8 + more) for more in missing), (0, 0)], mode="symmetric")
    sr = to_pixels(network(to_tensor(wide)).detach(), lr.dtype)
    top, (height, width) = 8 * network.scale, (side * network.scale for side in lr.shape[:2])
    assert sr.std() > 10
    return sr[top : top + height, top : top + width]


def windows(monkeypatch: pytest.MonkeyPatch, upscaler: GeneratorUpscaler) -> list[tuple[int, int]]:
    """Return a list that records the size of every window passed to the trunk."""
    sizes: list[tuple[int, int]] = []
    trunk = upscaler._engine.trunk

    def watched(lr: torch.Tensor) -> torch.Tensor:
        sizes.append((lr.shape[-2], lr.shape[-1]))
        return trunk(lr)

    monkeypatch.setattr(upscaler._engine, "trunk", watched)
    return sizes


def test_tiles_equal_the_plain_network(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    lr = image(80 * network.cell_px, 40 * network.cell_px)
    expected = plain(network, lr)
    upscaler = GeneratorUpscaler(network, "n")
    reach = network.trunk_reach + network.tail_reach
    border = min(8 // network.cell_px, reach)
    height, width = 40 + border + reach, 40 + 2 * border
    upscaler.trunk_px, upscaler.tail_px = height * width, 150
    sizes = windows(monkeypatch, upscaler)
    assert difference(upscaler.upscale(lr, *expected.shape[:2]).pixels, expected) <= 1
    assert sizes == [(height * network.cell_px, width * network.cell_px)] * 2


def test_sides_that_are_no_multiple_of_a_cell_keep_their_size(network: Network) -> None:
    lr = image(67, 50)
    scale = network.scale
    found = GeneratorUpscaler(network, "n").upscale(lr, 67 * scale, 50 * scale).pixels
    assert difference(found, plain(network, lr)) <= 1


def test_a_known_answer_is_right_and_a_broken_network_is_noticed(network: Network) -> None:
    upscaler = GeneratorUpscaler(network, "n")
    assert known_answer_error(upscaler) <= 1
    weights = [p for p in network.parameters() if p.dim() == 4]
    weights[0].data.mul_(1.5)
    assert known_answer_error(upscaler) > 2


def test_half_precision_gives_the_known_answer(network: Network) -> None:
    upscaler = GeneratorUpscaler(network, "n")
    upscaler._engine = make_engine(network, "cpu", torch.float16)
    assert known_answer_error(upscaler) <= 2


def test_half_precision_keeps_the_fine_steps_of_16_bits(network: Network) -> None:
    side = 160 // network.scale
    lr = image(side, side).astype(np.uint16) * 257
    upscaler = GeneratorUpscaler(network, "n")
    upscaler._engine = make_engine(network, "cpu", torch.float16)
    sr = upscaler.upscale(lr, 160, 160).pixels
    # Half precision has 1,024 values between 0.5 and 1.
    assert len(np.unique(sr[sr >= 32_768])) > 1200


def test_half_precision_that_overflows_is_repeated_in_single(network: Network) -> None:
    lr = image(12, 12)
    size = (12 * network.scale, 12 * network.scale)
    expected = GeneratorUpscaler(network, "n").upscale(lr, *size).pixels
    upscaler = GeneratorUpscaler(network, "n")
    upscaler._engine = make_engine(network, "cpu", torch.float16)
    broken = upscaler._engine
    module = broken._network if isinstance(broken, PlainEngine) else broken
    next(p for p in module.parameters() if p.dim() == 4).data.fill_(6e4)
    assert np.array_equal(upscaler.upscale(lr, *size).pixels, expected)


def test_the_network_itself_is_left_as_it_is(network: Network) -> None:
    lr = torch.rand(1, 3, 8, 8)
    before = network(lr)
    make_engine(network, "cpu", torch.float16)
    assert torch.equal(network(lr), before)


class _Scarce(PlainEngine):
    """A device with memory for windows of `limit` pixels; fails as torch does on a CPU."""

    limit = 0

    def trunk(self, lr: torch.Tensor) -> torch.Tensor:
        if lr.shape[-1] * lr.shape[-2] > self.limit:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")
        return super().trunk(lr)


def test_memory_that_runs_out_halves_the_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    network = RRDBNet(4, 8, 1, 4).eval()
    lr = image(150, 140)
    expected = GeneratorUpscaler(network, "n").upscale(lr, 600, 560).pixels
    monkeypatch.setattr(engine, "PlainEngine", _Scarce)
    monkeypatch.setattr(_Scarce, "limit", 15_000)
    upscaler = GeneratorUpscaler(network, "n")
    assert difference(upscaler.upscale(lr, 600, 560).pixels, expected) <= 1
    assert upscaler.trunk_px <= 15_000


def test_a_deep_network_gets_a_bounded_context(monkeypatch: pytest.MonkeyPatch) -> None:
    network = RRDBNet(4, 4, 23, 2).eval()
    assert network.trunk_reach == 347
    upscaler = GeneratorUpscaler(network, "n")
    sizes = windows(monkeypatch, upscaler)
    lr = image(8, 400)
    upscaler.upscale(lr, 32, 1600)
    assert sizes == [(24, 416)], "whole where the budget allows"
    upscaler.trunk_px = 24 * 300
    sizes.clear()
    upscaler.upscale(lr, 32, 1600)
    assert sizes == [(24, 208 + tiled.LARGEST_CONTEXT + network.tail_reach)] * 2


def test_context_is_what_makes_tiles_fit_together(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    network = RRDBNet(4, 8, 1, 4).eval()
    for parameter in network.parameters():
        parameter.data.mul_(2)
    lr = image(40, 120)
    upscaler = GeneratorUpscaler(network, "n")
    whole = upscaler.upscale(lr, 160, 480).pixels
    upscaler.trunk_px = 56 * 90
    assert difference(upscaler.upscale(lr, 160, 480).pixels, whole) <= 1
    monkeypatch.setattr(tiled, "LARGEST_CONTEXT", 1)
    assert difference(upscaler.upscale(lr, 160, 480).pixels, whole) > 5


def test_what_msrresnet_adds_to_is_not_rounded_to_half_precision() -> None:
    network = MSRResNet(4, 8, 1).eval()
    torch.nn.init.zeros_(network.output.weight)
    torch.nn.init.zeros_(network.output.bias)
    lr = image(24, 24).astype(np.uint16) * 257
    expected = plain(network, lr)
    upscaler = GeneratorUpscaler(network, "n")
    upscaler._engine = make_engine(network, "cpu", torch.float16)
    assert difference(upscaler.upscale(lr, 96, 96).pixels, expected) <= 1
