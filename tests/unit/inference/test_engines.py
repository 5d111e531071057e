"""Engines other than torch: equal results, and which ones are available."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from sr_core.config import ExecutionConfig
from sr_core.errors import ConfigurationError
from sr_core.inference import engines
from sr_core.inference.engines import (
    LIBRARIES,
    candidate_engines,
    open_engine,
    preferred_precision,
    usable_engines,
)
from sr_core.inference.tiled import GeneratorUpscaler
from sr_core.inference.upscaler import open_upscaler
from sr_core.models.checkpoint import save_generator
from sr_core.models.generator import Generator
from sr_core.models.network import Network
from sr_core.records import Precision
from tests.support.networks import NETWORKS, make_network

pytestmark = pytest.mark.usefixtures("cache")

CPU = torch.device("cpu")


@pytest.fixture
def checkpoint(generator: Generator, tmp_path: Path) -> Path:
    save_generator(tmp_path / "g.safetensors", generator, {}, torch.float32)
    return tmp_path / "g.safetensors"


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


_WITHOUT_MEMORY = """
import resource, sys
import numpy as np
import torch
from sr_core.inference.tiled import GeneratorUpscaler
from sr_core.models.generator import Generator

torch.set_num_threads(1)
torch.manual_seed(0)
generator = Generator(channels=32, blocks=2).eval()
engine, torch_itself = (GeneratorUpscaler(generator, "g", engine=e) for e in ("openvino", "torch"))
first = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
second = np.full((90, 90, 3), 200, np.uint8)
expected = torch_itself.upscale(second, 360, 360).pixels.astype(int)
engine.upscale(first, 384, 384)
(used,) = (int(l.split()[1]) for l in open("/proc/self/status") if l.startswith("VmSize"))
resource.setrlimit(resource.RLIMIT_AS, (used * 1024 + (1 << 20),) * 2)
try:
    found = engine.upscale(second, 360, 360).pixels.astype(int)
except Exception as error:
    print(getattr(error, "error_class", None) or f"{type(error).__name__}: {error}")
else:
    print("right" if np.abs(found - expected).max() <= 1 else "another image")
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="not Linux")
def test_where_memory_runs_out_openvino_says_so(cache: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", _WITHOUT_MEMORY], capture_output=True, text=True, check=True
    )
    # "right" if the allocator had enough memory left; never the pixels of the previous image.
    assert run.stdout.strip() in ("out_of_memory", "MemoryError", "right"), run.stderr


def test_tiles_of_openvino_fit_together(generator: Generator) -> None:
    lr = image(150, 110)
    whole = (
        GeneratorUpscaler(generator, "g", engine="torch").upscale(lr, 600, 440).pixels.astype(int)
    )
    upscaler = GeneratorUpscaler(generator, "g", engine="openvino")
    upscaler.trunk_px, upscaler.tail_px = 64 * 64, 32 * 32
    assert np.abs(upscaler.upscale(lr, 600, 440).pixels - whole).max() <= 1


@pytest.mark.skipif(
    "openvino-bf16" not in usable_engines("cpu"),
    reason="this CPU has neither AVX512_BF16 nor AMX",
)
def test_bfloat16_differs_by_its_rounding_only(generator: Generator) -> None:
    lr = torch.rand(1, 3, 40, 40)
    exact = answer(generator, "openvino", lr)
    difference = answer(generator, "openvino-bf16", lr) - exact
    assert 1e-5 < float(difference.square().mean().sqrt()) < 0.01


def test_a_kept_conversion_of_other_weights_is_noticed(
    generator: Generator, checkpoint: Path, cache: Path
) -> None:
    open_upscaler(str(checkpoint), precision="float32", engine="openvino")
    (kept,) = cache.iterdir()
    with torch.no_grad():
        generator.output.weight.mul_(1.2)
    open_engine(generator, "openvino", CPU)
    (other,) = set(cache.iterdir()) - {kept}
    shutil.rmtree(kept)
    other.rename(kept)
    with pytest.raises(ConfigurationError, match=r"levels off.*openvino.*removed") as raised:
        open_upscaler(str(checkpoint), precision="float32", engine="openvino")
    assert str(cache) in str(raised.value)
    assert open_upscaler(str(checkpoint), precision="float32").engine == "torch", "the next one"


@pytest.fixture(params=[True, False], ids=["bfloat16", "no bfloat16"])
def native(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """A CPU that multiplies bfloat16 itself, or one that does not."""
    monkeypatch.setattr("sr_core.inference.openvino_engine.has_native_bf16", lambda: request.param)
    return bool(request.param)


def test_a_cpu_computes_in_the_precision_or_in_a_finer_one(native: bool) -> None:
    half = ["openvino-bf16"] if native else []
    assert candidate_engines("float32", "auto", "cpu") == ["openvino", "torch"]
    assert candidate_engines("half", "auto", "cpu") == [*half, "openvino", "torch"]
    assert candidate_engines("half", "openvino", "cpu") == [*half, "openvino"]
    assert candidate_engines("half", "torch", "cpu") == ["torch"]
    assert candidate_engines("int8", "auto", "cpu") == [
        "openvino-int8",
        *half,
        "openvino",
        "torch",
    ]


def test_half_is_preferred_on_devices_that_have_it(native: bool) -> None:
    assert preferred_precision("cpu") == ("half" if native else "float32")
    assert preferred_precision("cpu", "torch") == "float32"
    assert preferred_precision("cuda") == "half"


@pytest.mark.parametrize("precision", ["float32", "half", "int8"])
def test_a_gpu_computes_with_torch(precision: Precision) -> None:
    assert candidate_engines(precision, "auto", "cuda") == ["torch"]


def test_an_upscaler_takes_the_best_engine_of_its_precision(checkpoint: Path) -> None:
    assert open_upscaler(str(checkpoint), precision="float32").engine == "openvino"
    assert open_upscaler(str(checkpoint), engine="torch").engine == "torch"
    assert open_upscaler(str(checkpoint)).engine == usable_engines("cpu")[0]
    assert open_upscaler("bicubic").engine is None


def test_openvino_on_a_gpu_is_refused_with_the_remedy() -> None:
    with pytest.raises(ConfigurationError, match=r"--engine openvino: .*--device cpu.*auto"):
        candidate_engines("float32", "openvino", "cuda")


def test_without_openvino_torch_serves(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda _: None)
    engines._warn.cache_clear()
    assert candidate_engines("half", "auto", "cpu") == ["torch"]
    assert preferred_precision("cpu") == "float32"
    assert caplog.messages == []
    assert candidate_engines("int8", "auto", "cpu") == ["torch"]
    assert "finer precision" in caplog.text
    with pytest.raises(ConfigurationError, match="pip install openvino"):
        candidate_engines("int8", "openvino", "cpu")


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_an_engine_that_does_not_exist_is_refused_with_all_that_do(device: str) -> None:
    known = "auto, torch, openvino"
    with pytest.raises(ConfigurationError, match=f"--engine onnx: unknown engine; .* {known}$"):
        candidate_engines("float32", "onnx", device)


def test_a_job_file_may_name_every_library() -> None:
    assert {*get_args(ExecutionConfig.model_fields["engine"].annotation)} == {"auto", *LIBRARIES}


@pytest.mark.parametrize(
    ("engine", "precision"), [("openvino-bf16", "half"), ("openvino-int8", "int8")]
)
def test_an_engine_of_version_0_1_0_names_the_precision_to_give(
    engine: str, precision: str
) -> None:
    with pytest.raises(ValidationError, match=f"give precision {precision} instead"):
        ExecutionConfig.model_validate({"engine": engine})


@pytest.fixture(
    params=[
        "raise ImportError('libopenvino.so.2570:\\ncannot open shared object file')",
        "raise OSError('cannot be mapped')",
        "raise RuntimeError('no CPU plugin')",
        "",
    ]
)
def broken_openvino(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Install an OpenVINO that does not load; the last kind is empty, as after uninstalling."""
    folder = tmp_path / "site-packages" / "openvino"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(request.param)
    monkeypatch.delitem(sys.modules, "openvino", raising=False)
    monkeypatch.setattr(sys, "path", [str(folder.parent), *sys.path])
    engines._warn.cache_clear()
    reasons = ("cannot open shared", "cannot be mapped", "no CPU plugin")
    return next((each for each in reasons if each in request.param), "no attribute")


def test_torch_does_not_look_at_an_openvino_that_is_broken(
    broken_openvino: str, checkpoint: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert open_upscaler(str(checkpoint), engine="torch").engine == "torch"
    assert caplog.messages == []


def test_auto_goes_without_an_openvino_that_is_broken_and_says_why_once(
    broken_openvino: str, checkpoint: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        assert open_upscaler(str(checkpoint)).engine == "torch"
    (said,) = caplog.messages
    assert broken_openvino in said
    assert "\n" not in said


@pytest.mark.parametrize("precision", ["float32", "half", "int8"])
def test_an_openvino_that_is_broken_and_wanted_is_one_line(
    precision: Precision, broken_openvino: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"does not load .*{broken_openvino}") as raised:
        candidate_engines(precision, "openvino", "cpu")
    assert "\n" not in str(raised.value)
