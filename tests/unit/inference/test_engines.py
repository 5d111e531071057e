"""Engines other than torch: the same results, conversions that are kept, and which may be used."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from sr_core.errors import ConfigurationError
from sr_core.inference import conversion, engines
from sr_core.inference.engines import candidate_engines, open_engine, usable_engines
from sr_core.inference.tiled import GeneratorUpscaler
from sr_core.inference.upscaler import open_upscaler
from sr_core.models.checkpoint import save_generator
from sr_core.models.generator import Generator, initialise_as_interpolator
from sr_core.models.network import Network
from tests.networks import NETWORKS, make_network

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "srfleet"


@pytest.fixture
def generator() -> Generator:
    torch.manual_seed(1)
    generator = Generator(channels=8, blocks=2)
    initialise_as_interpolator(generator)
    return generator.eval()


@pytest.fixture
def checkpoint(generator: Generator, tmp_path: Path) -> Path:
    save_generator(tmp_path / "g.safetensors", generator, {}, torch.float32)
    return tmp_path / "g.safetensors"


@pytest.fixture
def no_conversion(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def forbid() -> None:
        def convert(*_: object) -> None:
            pytest.fail("it was converted again")

        monkeypatch.setattr(conversion, "_converted", convert)

    return forbid


def image(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def answer(network: Network, name: str, lr: torch.Tensor) -> torch.Tensor:
    engine = open_engine(network, name, CPU)
    return engine.tail(engine.trunk(lr)).clone()


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("size", [(28, 44), (8, 200)])
def test_openvino_computes_what_the_network_does(name: str, size: tuple[int, int]) -> None:
    network = make_network(name)
    lr = torch.rand(1, 3, *size)
    with torch.inference_mode():
        expected = network(lr)
    found = answer(network, "openvino", lr)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_tiles_of_openvino_fit_together(generator: Generator) -> None:
    lr = image(150, 110)
    whole = GeneratorUpscaler(generator, "g", engine="torch").upscale(lr, 600, 440).astype(int)
    upscaler = GeneratorUpscaler(generator, "g", engine="openvino")
    upscaler.trunk_px, upscaler.tail_px = 64 * 64, 32 * 32
    assert np.abs(upscaler.upscale(lr, 600, 440) - whole).max() <= 1


@pytest.mark.skipif("openvino-bf16" not in usable_engines("cpu"), reason="no bfloat16 here")
def test_bfloat16_differs_by_its_rounding_only(generator: Generator) -> None:
    lr = torch.rand(1, 3, 40, 40)
    exact = answer(generator, "openvino", lr)
    difference = answer(generator, "openvino-bf16", lr) - exact
    assert 1e-5 < float(difference.square().mean().sqrt()) < 0.01


def test_a_conversion_is_kept(
    generator: Generator, cache: Path, no_conversion: Callable[[], None]
) -> None:
    lr = torch.rand(1, 3, 20, 20)
    first = answer(generator, "openvino", lr)
    assert len(list(cache.iterdir())) == 1
    no_conversion()
    assert torch.equal(answer(generator, "openvino", lr), first)


def test_other_weights_are_converted_anew(generator: Generator, cache: Path) -> None:
    lr = torch.rand(1, 3, 20, 20)
    first = answer(generator, "openvino", lr)
    with torch.no_grad():
        generator.output.weight.mul_(1.5)
    assert not torch.allclose(answer(generator, "openvino", lr), first)
    with torch.no_grad():
        generator.head_prelu.weight.mul_(1.5)  # folded, it is no parameter any more
    answer(generator, "openvino", lr)
    assert len(list(cache.iterdir())) == 3


def test_a_kept_conversion_that_is_cut_off_is_made_again(generator: Generator, cache: Path) -> None:
    lr = torch.rand(1, 3, 20, 20)
    first = answer(generator, "openvino", lr)
    (kept,) = cache.iterdir()
    (kept / "tail.xml").write_bytes((kept / "tail.xml").read_bytes()[:200])
    assert torch.equal(answer(generator, "openvino", lr), first)
    assert (kept / "tail.xml").stat().st_size > 200


def test_without_a_place_to_keep_it_a_conversion_is_used_all_the_same(
    generator: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    lr = torch.rand(1, 3, 20, 20)
    assert torch.allclose(
        answer(generator, "openvino", lr), answer(generator, "torch", lr), atol=1e-5
    )


def test_a_kept_conversion_of_other_weights_is_noticed(
    generator: Generator, checkpoint: Path, cache: Path
) -> None:
    open_upscaler(str(checkpoint), engine="openvino")
    (kept,) = cache.iterdir()
    with torch.no_grad():
        generator.output.weight.mul_(1.2)
    open_engine(generator, "openvino", CPU)
    (other,) = set(cache.iterdir()) - {kept}
    shutil.rmtree(kept)
    other.rename(kept)
    with pytest.raises(ConfigurationError, match=r"levels off.*openvino.*removed") as raised:
        open_upscaler(str(checkpoint), engine="openvino")
    assert str(cache) in str(raised.value)
    assert open_upscaler(str(checkpoint)).engine == "torch", "auto must go on to the next"


def test_every_usable_engine_opens_and_auto_takes_the_first(checkpoint: Path) -> None:
    usable = usable_engines("cpu")
    assert [open_upscaler(str(checkpoint), engine=each).engine for each in usable] == usable
    assert open_upscaler(str(checkpoint)).engine == usable[0]
    assert open_upscaler("bicubic").engine is None


@pytest.mark.parametrize(
    ("wanted", "device", "why"),
    [
        ("openvino", "cuda", "--device cpu"),
        ("openvino-bf16", "cpu", "no bfloat16"),
    ],
)
def test_an_engine_that_cannot_be_used_says_why(
    wanted: str, device: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sr_core.inference.openvino_engine.has_native_bf16", lambda: False)
    with pytest.raises(ConfigurationError, match=f"--engine {wanted}: .*{why}.*auto"):
        candidate_engines(wanted, device)


def test_without_openvino_torch_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda _: None)
    assert candidate_engines("auto", "cpu") == ["torch"]
    with pytest.raises(ConfigurationError, match=r"srfleet\[cpu\]"):
        candidate_engines("openvino", "cpu")
