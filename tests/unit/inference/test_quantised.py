"""The generator in 8-bit integers: its ranges, its rounding, and the measurement behind them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from jobs.cli.demo import SAMPLES
from sr_core.errors import ConfigurationError
from sr_core.imaging.tensors import to_tensor
from sr_core.inference.folded import FoldedGenerator
from sr_core.inference.openvino_engine import OpenVINOEngine
from sr_core.inference.quantised import (
    Calibration,
    QuantisedGenerator,
    Ranges,
    calibrate,
    calibration_path,
    load_ranges,
    round_kernels,
)
from sr_core.inference.tiled import GeneratorUpscaler
from sr_core.inference.upscaled import MadeBy
from sr_core.inference.upscaler import open_upscaler
from sr_core.models.catalogue import checkpoint_sha256, find_checkpoint
from sr_core.models.checkpoint import load_network, save_generator
from sr_core.models.generator import Generator, initialise_as_interpolator
from sr_core.models.msrresnet import MSRResNet


@pytest.fixture
def generator() -> Generator:
    torch.manual_seed(1)
    generator = Generator(channels=16, blocks=2)
    initialise_as_interpolator(generator)
    return generator.eval()


@pytest.fixture
def images() -> list[torch.Tensor]:
    torch.manual_seed(2)
    return [torch.rand(1, 3, 24, 20), torch.rand(1, 3, 16, 30) * 0.5]


@pytest.fixture
def calibration(generator: Generator, images: list[torch.Tensor], tmp_path: Path) -> Calibration:
    """Save the generator as g.safetensors and calibrate it on images."""
    save_generator(tmp_path / "g.safetensors", generator, {}, torch.float32)
    sha256 = checkpoint_sha256(str(tmp_path / "g.safetensors"))
    assert sha256 is not None
    return Calibration(sha256, calibrate(generator, images), 2, 1, 0.02, 0.05)


def rms(difference: torch.Tensor) -> float:
    return float(difference.square().mean().sqrt())


def test_ranges_hold_what_goes_into_each_convolution_and_zero(
    generator: Generator, images: list[torch.Tensor]
) -> None:
    ranges = calibrate(generator, images)
    folded = FoldedGenerator(generator)
    names = {name for name, each in folded.named_modules() if isinstance(each, torch.nn.Conv2d)}
    assert ranges.keys() == names - {"head"}
    with torch.inference_mode():
        seen = [folded.head_activation(folded.head(folded.normalise(image))) for image in images]
    low, high = ranges["first.0"]
    assert low == pytest.approx(min(0.0, *(float(each.min()) for each in seen)), abs=1e-6)
    assert high == pytest.approx(max(float(each.max()) for each in seen), rel=1e-6)
    assert all(low <= 0 <= high for low, high in ranges.values())


def test_eight_bits_are_near_the_generator_and_fewer_would_show(
    generator: Generator, images: list[torch.Tensor]
) -> None:
    ranges = calibrate(generator, images)
    with torch.inference_mode():
        exact = generator(images[0])
        error = rms(QuantisedGenerator(generator, ranges)(images[0]) - exact)
        wide = {name: (16 * low, 16 * high) for name, (low, high) in ranges.items()}
        coarse = rms(QuantisedGenerator(generator, wide)(images[0]) - exact)
    assert 1e-4 < error < 0.02
    assert coarse > 4 * error


def test_a_kernel_keeps_its_sum_when_it_is_rounded() -> None:
    torch.manual_seed(0)
    weight = 100 * torch.rand(20, 30, 3, 3) - 30
    rounded = round_kernels(weight)
    assert torch.equal(rounded, rounded.round())
    assert float((rounded - weight).abs().max()) < 1
    assert float((rounded - weight).sum((2, 3)).abs().max()) <= 0.5 + 1e-4
    assert float((weight.round() - weight).sum((2, 3)).abs().max()) > 1
    assert int(round_kernels(torch.full((1, 1, 3, 3), 127.4)).max()) == 127


def test_openvino_multiplies_integers_and_rounds_as_the_reference_does(
    generator: Generator, images: list[torch.Tensor]
) -> None:
    ranges = calibrate(generator, images)
    engine = OpenVINOEngine(generator, "int8", ranges, floats="f32")
    found = engine.tail(engine.trunk(images[0])).clone()
    with torch.inference_mode():
        expected = QuantisedGenerator(generator, ranges)(images[0])
        exact = generator(images[0])
    # A value halfway between two integers may be rounded either way.
    assert rms(found - expected) < 0.5 * rms(expected - exact)
    compiled = engine._trunk.get_compiled_model()
    facts = [each.get_rt_info() for each in compiled.get_runtime_model().get_ops()]
    kinds = [
        each["runtimePrecision"].astype(str)
        for each in facts
        if each["layerType"].astype(str) == "Convolution"
    ]
    assert kinds.count("u8") == 2 * 2 + 1, "two of each block, and the trunk's last"


def test_bfloat16_beside_the_integers_moves_values_by_no_more_than_their_rounding(
    generator: Generator, images: list[torch.Tensor]
) -> None:
    """The floats are bfloat16 on CPUs that have it, so other values round to other integers.

    If all of them did, the outputs would have independent rounding errors of the same size: sqrt(2)
    between them, and no more than 1 to the exact output. A quarter is for bfloat16 itself.
    """
    ranges = calibrate(generator, images)
    engine = OpenVINOEngine(generator, "int8", ranges)
    found = engine.tail(engine.trunk(images[0])).clone()
    with torch.inference_mode():
        expected = QuantisedGenerator(generator, ranges)(images[0])
        exact = generator(images[0])
    rounding = rms(expected - exact)
    assert rms(found - expected) < 2**0.5 * 1.25 * rounding
    assert rms(found - exact) < 1.25 * rounding


def test_sums_of_integers_do_not_overflow() -> None:
    """Concerns CPUs without VNNI, on which the shipped weights with 8-bit inputs are off by 0.3."""
    checkpoint = find_checkpoint("srgan")
    network, _ = load_network(checkpoint)
    ranges = load_ranges(checkpoint)
    with Image.open(SAMPLES / "hr" / "kitten.jpg") as image:
        shrunk = image.convert("RGB").resize((96, 64), Image.Resampling.BICUBIC)
    lr = to_tensor(np.array(shrunk)).contiguous()
    engine = OpenVINOEngine(network, "int8", ranges)
    with torch.inference_mode():
        expected = QuantisedGenerator(network, ranges)(lr)
    assert float((engine.tail(engine.trunk(lr)) - expected).abs().max()) < 0.1


def test_what_exceeds_its_range_is_not_cut_off_at_once(
    generator: Generator, images: list[torch.Tensor]
) -> None:
    quantised = QuantisedGenerator(generator, calibrate(generator, images))
    conv = quantised.get_submodule("first.0")
    top = torch.full((1, 16, 5, 5), float((127 - conv.zero_point) * conv.scale))
    difference = (conv(1.4 * top) - conv(top)) - (conv(1.4 * top) - conv(0.6 * top)) / 2
    assert float(difference.abs().max()) < 0.02 * float(conv(top).abs().max())


def test_images_unlike_those_it_was_calibrated_on_are_computed_in_float32(
    generator: Generator,
) -> None:
    smooth = np.full((24, 20, 3), 128, np.uint8)
    smooth[:, 10:] = 150
    wild: Any = np.random.default_rng(0).integers(0, 2, (24, 20, 3)) * 255
    ranges = calibrate(generator, [to_tensor(smooth)])
    upscaler = GeneratorUpscaler(generator, "g", engine="openvino-int8", ranges=ranges)
    exact = GeneratorUpscaler(generator, "g")
    by_integers, by_floats = (
        MadeBy("openvino-int8", "int8", "g", 4),
        MadeBy("torch", "float32", "g", 4),
    )
    for image, made_by, levels in (
        (smooth, by_integers, 6),
        (wild.astype(np.uint8), by_floats, 2),
        (smooth, by_integers, 6),
    ):
        found = upscaler.upscale(image, 96, 80)
        expected = exact.upscale(image, 96, 80)
        assert (found.made_by, expected.made_by) == (made_by, by_floats)
        assert np.abs(found.pixels.astype(int) - expected.pixels).max() <= levels
    assert upscaler.engine == "openvino-int8"


def test_a_dithered_picture_is_no_photograph_to_the_shipped_weights() -> None:
    network, _ = load_network(find_checkpoint("srgan"))
    ranges = load_ranges(find_checkpoint("srgan"))
    upscaler = GeneratorUpscaler(network, "srgan", engine="openvino-int8", ranges=ranges)
    with Image.open(SAMPLES / "hr" / "kitten.jpg") as image:
        photograph = image.convert("RGB").resize((96, 64), Image.Resampling.BICUBIC)
    dithered = photograph.convert("1").convert("RGB")
    for picture, engine in ((photograph, "openvino-int8"), (dithered, "torch")):
        assert upscaler.upscale(np.array(picture), 256, 384).made_by.engine == engine


def test_ranges_come_back_with_their_checkpoint(calibration: Calibration, tmp_path: Path) -> None:
    checkpoint = tmp_path / "g.safetensors"
    path = calibration.save(checkpoint)
    assert path == calibration_path(checkpoint) == tmp_path / "g.int8.json"
    assert load_ranges(checkpoint) == calibration.ranges
    assert open_upscaler(str(checkpoint), precision="int8").engine == "openvino-int8"
    assert open_upscaler(str(checkpoint)).engine != "openvino-int8", "it must be asked for"


def test_without_a_calibration_the_command_for_one_is_named(
    calibration: Calibration, tmp_path: Path
) -> None:
    checkpoint = str(tmp_path / "g.safetensors")
    with pytest.raises(ConfigurationError, match=f"srfleet quantize .* --model {checkpoint}"):
        open_upscaler(checkpoint, precision="int8")


def test_a_calibration_of_other_weights_is_refused(
    calibration: Calibration, generator: Generator, tmp_path: Path
) -> None:
    calibration.save(tmp_path / "g.safetensors")
    with torch.no_grad():
        generator.output.weight.mul_(1.1)
    save_generator(tmp_path / "g.safetensors", generator, {}, torch.float32)
    with pytest.raises(ConfigurationError, match="of another checkpoint"):
        load_ranges(tmp_path / "g.safetensors")


@pytest.mark.parametrize("loss", [0.1, 3.0, float("nan")])
def test_a_checkpoint_that_loses_too_much_is_not_offered(
    calibration: Calibration, loss: float, tmp_path: Path
) -> None:
    replace(calibration, psnr_y_loss_db=loss).save(tmp_path / "g.safetensors")
    with pytest.raises(ConfigurationError, match=r"8 bits lose .* more than 0.1 dB"):
        load_ranges(tmp_path / "g.safetensors")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"ranges": {"first.0": 3}}', '{"ranges": {"first.0": ["a", "b"]}}']
)
def test_a_file_that_is_no_calibration_is_named(
    calibration: Calibration, text: str, tmp_path: Path
) -> None:
    path = calibration_path(tmp_path / "g.safetensors")
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=rf"{path} is no calibration"):
        load_ranges(tmp_path / "g.safetensors")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("psnr_y_loss_db", None),
        ("psnr_y_loss_db", "little"),
        ("ranges", {"first.0": [float("nan"), 1.0]}),
        ("ranges", {"first.0": [0.0, float("inf")]}),
        ("ranges", {"first.0": [1.0, -1.0]}),
        ("ranges", {"first.0": [0.5, 1.0]}),
    ],
    ids=str,
)
def test_a_damaged_calibration_is_named(
    calibration: Calibration, place: str, value: object, tmp_path: Path
) -> None:
    path = calibration.save(tmp_path / "g.safetensors")
    path.write_text(json.dumps(json.loads(path.read_text()) | {place: value}))
    with pytest.raises(ConfigurationError, match=rf"{path} is no calibration"):
        load_ranges(tmp_path / "g.safetensors")


def test_a_calibration_without_a_convolution_is_refused(
    calibration: Calibration, tmp_path: Path
) -> None:
    path = calibration.save(tmp_path / "g.safetensors")
    record = json.loads(path.read_text())
    del record["ranges"]["second.1"]
    path.write_text(json.dumps(record))
    with pytest.raises(ConfigurationError, match=r"no range for second\.1"):
        open_upscaler(str(tmp_path / "g.safetensors"), precision="int8")


def test_other_ranges_are_another_conversion(
    generator: Generator, images: list[torch.Tensor]
) -> None:
    def answer(ranges: Ranges) -> torch.Tensor:
        engine = OpenVINOEngine(generator, "int8", ranges)
        return engine.tail(engine.trunk(images[0])).clone()

    ranges = calibrate(generator, images)
    wide = {name: (4 * low, 4 * high) for name, (low, high) in ranges.items()}
    assert rms(answer(wide) - answer(ranges)) > 1e-3


def test_other_networks_and_no_photographs_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="not for MSRResNet"):
        calibrate(MSRResNet(4, 8, 2), [])
    with pytest.raises(ConfigurationError, match="no photograph"):
        calibrate(Generator(4, channels=4, blocks=1), [])
