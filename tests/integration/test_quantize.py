"""srfleet quantize, as its user sees it: a calibration if 8 bits suffice, otherwise one line."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import jobs.models.quantize
from jobs.models.quantize import quantize
from jobs.terminal import Terminal
from jobs.train.photographs import SourcePhotographs
from sr_core.errors import ConfigurationError
from sr_core.inference.quantised import calibration_path
from sr_core.inference.upscaler import open_upscaler
from sr_core.models.catalogue import find_checkpoint
from sr_core.models.checkpoint import save_generator
from sr_core.models.generator import Generator, initialise_as_interpolator
from tests.support.photograph import photograph


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    folder = tmp_path / "photographs"
    folder.mkdir()
    for number in range(5):
        # Grain as strong as a camera's; without it the loss of 8 bits would dominate the error.
        grain = np.random.default_rng(number).normal(0, 6, (100, 112, 3))
        pixels = photograph(100, 112, seed=number) + grain
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def generator() -> Generator:
    torch.manual_seed(1)
    generator = Generator(channels=16, blocks=2)
    initialise_as_interpolator(generator)
    return generator


@pytest.fixture
def checkpoint(generator: Generator, tmp_path: Path) -> Path:
    save_generator(tmp_path / "g.safetensors", generator, {}, torch.float32)
    return tmp_path / "g.safetensors"


@pytest.fixture
def terminal() -> Terminal:
    return Terminal(io.StringIO())


def test_a_checkpoint_that_loses_little_is_calibrated_and_opens(
    photographs: Path, checkpoint: Path, terminal: Terminal
) -> None:
    found = quantize(str(photographs), str(checkpoint), None, terminal)
    assert "dB of luma PSNR on average" in found.loss
    assert found.speedup > 0
    assert found.path.is_file()
    record = json.loads(calibration_path(checkpoint).read_text())
    assert (record["calibrated_on"], record["validated_on"]) == (4, 1)
    assert -0.1 < record["psnr_y_loss_db"] < 0.1
    assert open_upscaler(str(checkpoint), precision="int8").engine == "openvino-int8"


def test_photographs_of_their_own_may_measure_it(
    photographs: Path, checkpoint: Path, terminal: Terminal
) -> None:
    quantize(str(photographs), str(checkpoint), str(photographs), terminal)
    record = json.loads(calibration_path(checkpoint).read_text())
    assert (record["calibrated_on"], record["validated_on"]) == (5, 5)


def test_ranges_come_from_all_over_an_archive(
    photographs: Path, checkpoint: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    really_read = SourcePhotographs.read

    def watched(self: SourcePhotographs, index: int) -> object:
        read.append(self.keys[index])
        return really_read(self, index)

    monkeypatch.setattr(SourcePhotographs, "read", watched)
    monkeypatch.setattr(jobs.models.quantize, "_CALIBRATION_PHOTOGRAPHS", 3)
    quantize(str(photographs), str(checkpoint), str(photographs), terminal)
    assert read[:3] == ["0.png", "2.png", "4.png"]
    record = json.loads(calibration_path(checkpoint).read_text())
    assert (record["calibrated_on"], record["validated_on"]) == (3, 5)


def test_a_checkpoint_that_loses_too_much_gets_no_calibration(
    photographs: Path, generator: Generator, checkpoint: Path, terminal: Terminal
) -> None:
    # An unused channel, so large that few of the 256 values are left for the others.
    for name, module in generator.named_modules():
        if isinstance(module, torch.nn.Conv2d):
            if name == "head":
                module.weight.data[15] *= 40
            else:
                module.weight.data[:, 15] = 0
    save_generator(checkpoint, generator, {}, torch.float32)
    with pytest.raises(ConfigurationError, match=r"g\.safetensors in 8 bits loses .* nothing was"):
        quantize(str(photographs), str(checkpoint), None, terminal)
    assert not calibration_path(checkpoint).exists()


def test_a_calibration_that_cannot_be_written_says_what_to_do(
    photographs: Path, checkpoint: Path, terminal: Terminal
) -> None:
    calibration_path(checkpoint).mkdir()
    with pytest.raises(ConfigurationError, match="copy the checkpoint to a folder of your own"):
        quantize(str(photographs), str(checkpoint), None, terminal)
    assert not any(calibration_path(checkpoint).iterdir())


@pytest.mark.parametrize(
    ("source", "model", "says"),
    [
        ("photographs", "bicubic", "no model or checkpoint file 'bicubic'"),
        ("nowhere", "g.safetensors", "nowhere does not exist"),
        ("nowhere", "srgan", "--model srgan: the shipped weights are already calibrated"),
        # Maintainers calibrate shipped weights by path.
        ("nowhere", str(find_checkpoint("srgan")), "nowhere does not exist"),
    ],
)
def test_what_cannot_be_quantised_is_one_line(
    source: str, model: str, says: str, photographs: Path, checkpoint: Path, terminal: Terminal
) -> None:
    folder = photographs.parent
    model = str(folder / model) if (folder / model).exists() else model
    with pytest.raises(ConfigurationError, match=says):
        quantize(str(folder / source), model, None, terminal)
