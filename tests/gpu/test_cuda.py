"""The generator on a CUDA device: half precision against the reference, CUDA graphs, copies."""

from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from sr_core.inference.download import Download
from sr_core.inference.engine import make_engine
from sr_core.inference.folded import FoldedGenerator
from sr_core.inference.graphed import _KEPT_TAILS, _KEPT_TRUNKS, GraphedEngine
from sr_core.inference.known_answer import known_answer_error
from sr_core.inference.tiled import GeneratorUpscaler
from sr_core.inference.upscaled import MadeBy
from sr_core.inference.upscaler import open_upscaler
from sr_core.models.catalogue import find_checkpoint
from sr_core.models.checkpoint import load_generator
from sr_core.models.generator import Generator
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


def test_a_run_in_float32_is_computed_in_float32() -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    expected = open_upscaler("srresnet", precision="float32", engine="torch")
    upscaler = open_upscaler("srresnet", device="cuda", precision="float32")
    for _ in range(3):  # plain, recorded, replayed
        found = upscaler.upscale(image, 256, 256)
        assert found.made_by == MadeBy("torch", "float32", "srresnet", 4)
        difference = found.pixels.astype(int) - expected.upscale(image, 256, 256).pixels
        assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("precision", ["half", "int8", "auto"])
def test_a_coarser_precision_is_computed_in_half(
    precision: Literal["half", "int8", "auto"],
) -> None:
    upscaler = open_upscaler("srresnet", device="cuda", precision=precision)
    image = np.zeros((16, 16, 3), np.uint8)
    assert upscaler.upscale(image, 64, 64).made_by == MadeBy("torch", "half", "srresnet", 4)


def test_tiles_of_any_size_fit_together(upscaler: GeneratorUpscaler) -> None:
    image = np.random.default_rng(0).integers(0, 256, (300, 200, 3), np.uint8)
    whole = upscaler.upscale(image, 1200, 800).pixels.astype(int)
    upscaler.trunk_px, upscaler.tail_px = 150 * 150, 40 * 40
    assert np.abs(upscaler.upscale(image, 1200, 800).pixels - whole).max() <= 2


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
    whole = upscaler.upscale(image, *size).pixels.astype(int)
    upscaler.trunk_px, upscaler.tail_px = 150 * 150, 40 * 40
    assert np.abs(upscaler.upscale(image, *size).pixels - whole).max() <= 2


def test_recorded_sizes_in_any_order_give_what_plain_calls_do() -> None:
    """Use more sizes than are kept, each three times: plain, recorded, replayed."""
    torch.manual_seed(0)
    network = Generator(channels=16, blocks=2).eval()
    plain = make_engine(network, "cuda", torch.float16)
    graphed = GraphedEngine(make_engine(network, "cuda", torch.float16))
    sizes = [(24 + 8 * (number % 5), 32 + 4 * number) for number in range(_KEPT_TAILS + 4)]
    some = sizes[:_KEPT_TRUNKS]
    for height, width in [*some * 3, *sizes[:6] * 3, *sizes * 2, *some * 3]:
        lr = torch.rand(1, 3, height, width)
        features = graphed.trunk(lr)
        expected = plain.trunk(lr)
        torch.testing.assert_close(features, expected, rtol=1e-2, atol=1e-2)
        # Windows of one trunk tile in turn: its features must survive the recordings of tails.
        for top in (0, 6, 12):
            window = features[..., top : top + 12, 3:-3]
            found = graphed.tail(window)
            torch.testing.assert_close(
                found, plain.tail(expected[..., top : top + 12, 3:-3]), rtol=1e-2, atol=1e-2
            )


def test_recordings_of_many_sizes_hold_no_more_than_those_kept() -> None:
    engine = GraphedEngine(make_engine(Generator(blocks=2), "cuda", torch.float16))
    before = torch.cuda.memory_allocated()
    for width in range(300, 500, 20):
        for _ in range(3):
            engine.trunk(torch.rand(1, 3, 512, width))
    largest = 512 * 480 * (3 * 4 + 64 * 2)  # the image and its features, in bytes
    assert torch.cuda.memory_allocated() - before <= 1.2 * _KEPT_TRUNKS * largest


def test_memory_that_runs_out_in_the_tail_frees_the_trunk_which_is_recorded_anew() -> None:
    plain = make_engine(Generator(blocks=2).eval(), "cuda", torch.float16)
    engine = GraphedEngine(plain)
    engine._tail._compute = lambda _: torch.empty(1 << 45, dtype=torch.uint8, device="cuda")
    lr = torch.rand(1, 3, 512, 512)
    before = torch.cuda.memory_allocated()
    for _ in range(2):
        for _ in range(3):
            engine.trunk(lr)
        with pytest.raises(torch.OutOfMemoryError):
            engine.tail(torch.zeros(1, 64, 8, 8, dtype=torch.float16, device="cuda"))
        assert torch.cuda.memory_allocated() - before < 1 << 20
    for _ in range(3):
        found = engine.trunk(lr)
    torch.testing.assert_close(found, plain.trunk(lr), rtol=1e-2, atol=1e-2)


@pytest.fixture
def nothing_may_wait() -> Iterator[Callable[[], None]]:
    """Yield a function; once it is called, anything that waits for the device fails."""
    yield lambda: torch.cuda.set_sync_debug_mode("error")
    torch.cuda.set_sync_debug_mode("default")


@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
@pytest.mark.parametrize("channels", [1, 3])
def test_tiles_go_up_and_down_without_waiting_for_the_device(
    channels: int, nothing_may_wait: Callable[[], None]
) -> None:
    engine = GraphedEngine(make_engine(Generator(channels=16, blocks=2), "cuda", torch.float16))
    lr = torch.rand(1, channels, 64, 64).expand(-1, 3, -1, -1)
    whole = slice(0, 256)
    download = Download(np.zeros((256, 256, channels), np.uint8), engine.device)
    for number in range(4):  # plain, recorded, replayed twice
        if number == 2:
            nothing_may_wait()
        download.put(engine.tail(engine.trunk(lr)), whole, whole)
    assert torch.cuda.get_sync_debug_mode() == 2, "waiting was allowed"


ANY_NETWORK = pytest.mark.parametrize(
    "make", [lambda: Generator(blocks=4), lambda: RRDBNet(4, blocks=2), MSRResNet]
)


@ANY_NETWORK
def test_single_precision_is_float32_and_not_tf32(make: Callable[[], Network]) -> None:
    torch.manual_seed(0)
    network = make().eval()
    lr = torch.rand(1, 3, 48, 40)
    with torch.no_grad():
        expected = network(lr)
    engine = make_engine(network, "cuda")
    found = engine.tail(engine.trunk(lr)).cpu()
    # TF32 would round ten times as coarsely.
    assert (found - expected).abs().max() <= 2e-5 * expected.abs().max()


@ANY_NETWORK
def test_no_convolution_of_float32_may_round_in_half_precision(
    make: Callable[[], Network], monkeypatch: pytest.MonkeyPatch
) -> None:
    cudnn: Any = torch.backends.cudnn
    assert cudnn.allow_tf32, "torch's default"
    convolve: Any = torch.nn.functional.conv2d
    precisions: list[str] = []

    def watched(values: Tensor, *others: Any, **named: Any) -> Tensor:
        if values.dtype == torch.float32:
            precisions.append(cudnn.conv.fp32_precision)
        made: Tensor = convolve(values, *others, **named)
        return made

    monkeypatch.setattr(torch.nn.functional, "conv2d", watched)
    engine = GraphedEngine(make_engine(make().eval(), "cuda", torch.float16))
    for _ in range(2):  # plain; and recorded, which computes twice
        engine.tail(engine.trunk(torch.rand(1, 3, 48, 40)))
    assert precisions == ["ieee"] * 3
    assert cudnn.allow_tf32, "the process's setting stays"


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_many_tiles_arrive_each_at_its_place(
    upscaler: GeneratorUpscaler, channels: int, dtype: type[np.uint8] | type[np.uint16]
) -> None:
    top = np.iinfo(dtype).max
    image = np.random.default_rng(1).integers(0, top + 1, (400, 300, channels), dtype)
    whole = upscaler.upscale(image, 1600, 1200).pixels.astype(np.int64)
    upscaler.trunk_px, upscaler.tail_px = 150 * 150, 32 * 32
    for _ in range(3):  # plain, recorded, replayed
        tiled = upscaler.upscale(image, 1600, 1200).pixels.astype(np.int64)
        assert np.abs(tiled - whole).max() <= 2 * top / 255


def test_half_precision_that_overflows_is_repeated_in_single() -> None:
    generator, _ = load_generator(find_checkpoint("srresnet"))
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    expected = GeneratorUpscaler(generator, "cpu").upscale(image, 256, 256).pixels.astype(int)
    upscaler = GeneratorUpscaler(generator, "cuda", device="cuda")
    overflowing = FoldedGenerator(generator, "cuda", torch.float16)
    overflowing.trunk_conv.weight.data.fill_(6e4)
    upscaler._engine = GraphedEngine(overflowing)
    assert np.abs(upscaler.upscale(image, 256, 256).pixels.astype(int) - expected).max() <= 1


def test_memory_that_runs_out_halves_the_tiles_and_gives_the_same() -> None:
    generator, _ = load_generator(find_checkpoint("srresnet"))
    image = np.random.default_rng(0).integers(0, 256, (1500, 2000, 3), np.uint8)
    expected = (
        GeneratorUpscaler(generator, "ample", device="cuda").upscale(image, 6000, 8000).pixels
    )
    torch.cuda.empty_cache()
    free, total = torch.cuda.mem_get_info()
    torch.cuda.set_per_process_memory_fraction((total - free + (2 << 30)) / total)
    try:
        upscaler = GeneratorUpscaler(
            generator, "scarce", device="cuda", memory_budget_bytes=16 << 30
        )
        first = upscaler.trunk_px
        found = upscaler.upscale(image, 6000, 8000).pixels
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert upscaler.trunk_px < first
    assert np.abs(found.astype(int) - expected.astype(int)).max() <= 2
