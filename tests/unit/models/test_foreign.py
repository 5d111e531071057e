"""Foreign weights: each layout loads into a network that computes what the original does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from sr_core.errors import ConfigurationError
from sr_core.models.checkpoint import load_generator, load_network
from sr_core.models.generator import Generator
from tests.support import foreign_lornatang as lornatang
from tests.support.foreign_ports import Aladdin, LeftThomas, PyTorchGAN, Sgrvinod, Twtygqyy
from tests.support.foreign_sr import ESRGAN, FirstESRGAN, MSRResNet, RRDBNet

NETWORKS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "RRDBNet x4": (lambda: RRDBNet(4), 4),
    "RRDBNet x2": (lambda: RRDBNet(2), 2),
    "RRDBNet x1": (lambda: RRDBNet(1), 1),
    "RRDBNet, six blocks": (lambda: RRDBNet(4, blocks=6), 4),
    "ESRGAN": (ESRGAN, 4),
    "first ESRGAN x4": (FirstESRGAN, 4),
    "first ESRGAN x2": (lambda: FirstESRGAN(1), 2),
    "first ESRGAN x1": (lambda: FirstESRGAN(0), 1),
    "MSRResNet x4": (MSRResNet, 4),
    "MSRResNet x2": (lambda: MSRResNet(2), 2),
    "MSRResNet, old names": (lambda: MSRResNet(old=True), 4),
    "leftthomas": (LeftThomas, 4),
    "leftthomas x2": (lambda: LeftThomas(steps=1), 2),
    "leftthomas, as released": (lambda: LeftThomas(norm=False), 4),
    "Lornatang": (lornatang.Lornatang, 4),
    "Lornatang x2": (lambda: lornatang.Lornatang(steps=1), 2),
    "Lornatang, September 2021": (lornatang.LornatangOfSeptember2021, 4),
    "Lornatang, June 2021": (lornatang.LornatangOfJune2021, 4),
    "Lornatang, 2020": (lornatang.LornatangOf2020, 4),
    "PyTorch-GAN": (PyTorchGAN, 4),
    "PyTorch-GAN, 2018": (lambda: PyTorchGAN(relu=True), 4),
    "sgrvinod": (Sgrvinod, 4),
    "Aladdin Persson": (Aladdin, 4),
    "twtygqyy": (Twtygqyy, 4),
}


def trained(network: nn.Module) -> nn.Module:
    """Set norms, slopes and biases to values other than their neutral defaults."""
    torch.manual_seed(len(list(network.parameters())))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
            module.running_mean.normal_(std=0.2)
            module.running_var.uniform_(0.2, 2.0)
        elif isinstance(module, nn.PReLU):
            nn.init.uniform_(module.weight, -0.2, 0.5)
    return network.eval()


@pytest.mark.parametrize("name", NETWORKS)
def test_computes_what_the_original_does(name: str, tmp_path: Path) -> None:
    make, scale = NETWORKS[name]
    original = trained(make())
    torch.save(original.state_dict(), tmp_path / "weights.pth")
    network, info = load_network(tmp_path / "weights.pth")
    lr = torch.rand(2, 3, 16, 12)
    with torch.inference_mode():
        expected = original.upscale(lr)
        assert expected.shape == (2, 3, 16 * scale, 12 * scale)
        assert expected.std() > 0.01
        torch.testing.assert_close(network(lr), expected, rtol=0, atol=1e-5)
    assert (info.scale, info.channels) == (scale, 8)
    assert info.layout != "srfleet's own"


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {"params_ema": state, "params": {k: v * 0 for k, v in state.items()}},
        lambda state: {"params": state},
        lambda state: {"epoch": torch.tensor(3), "state_dict": state, "optimizer": {"state": {}}},
        lambda state: {f"module.{name}": value for name, value in state.items()},
        lambda state: {"model": {f"net._orig_mod.{name}": v for name, v in state.items()}},
        lambda state: {
            "state_dict": {f"net_g.{name}": value for name, value in state.items()}
            | {"net_d.conv0.weight": torch.ones(64, 3, 3, 3)}
        },
    ],
)
def test_weights_are_found_in_what_trainings_save(wrap: Callable, tmp_path: Path) -> None:
    original = trained(RRDBNet())
    torch.save(wrap(original.state_dict()), tmp_path / "weights.pth")
    lr = torch.rand(1, 3, 8, 8)
    network, info = load_network(tmp_path / "weights.pth")
    torch.testing.assert_close(network(lr), original.upscale(lr), rtol=0, atol=1e-5)
    assert info.layout == "RRDBNet of BasicSR (Real-ESRGAN)"


def test_safetensors_and_half_precision_load(tmp_path: Path) -> None:
    original = trained(RRDBNet())
    half = {name: value.half() for name, value in original.state_dict().items()}
    save_file(half, tmp_path / "weights.safetensors")
    network, info = load_network(tmp_path / "weights.safetensors")
    lr = torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(network(lr), original.upscale(lr), rtol=0, atol=1e-2)
    assert info.layout == "RRDBNet of BasicSR (Real-ESRGAN)"
    assert next(network.parameters()).dtype == torch.float32


def refusal(state: object, tmp_path: Path) -> str:
    """Return the message that refuses a file with this content."""
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(ConfigurationError) as raised:
        load_network(tmp_path / "w.pth")
    assert str(tmp_path / "w.pth") in str(raised.value)
    return str(raised.value)


def test_an_unknown_layout_is_described(tmp_path: Path) -> None:
    said = refusal({"down.0.weight": torch.ones(8, 3, 3, 3), "up.bias": torch.ones(8)}, tmp_path)
    assert "2 tensors, first down.0.weight (8x3x3x3), up.bias (8)" in said
    assert "RRDBNet" in said
    assert "leftthomas" in said


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: LeftThomas(steps=3), "upscales by 8"),
        (lambda: MSRResNet(3), "upscales by 3"),
        (lambda: FirstESRGAN(3), "upscales by 8"),
    ],
)
def test_other_scales_are_named(make: Callable, problem: str, tmp_path: Path) -> None:
    assert f"{problem}; only 1, 2 and 4 can be run" in refusal(make().state_dict(), tmp_path)


def test_what_does_not_fit_its_layout_is_named(tmp_path: Path) -> None:
    state = RRDBNet().state_dict()
    grey = state | {"conv_first.weight": torch.ones(8, 1, 3, 3)}
    assert "takes 1 channels" in refusal(grey, tmp_path)
    extra = state | {"body.0.attention.weight": torch.ones(8)}
    assert "1 of its tensors have no place in it: body.0.attention.weight" in refusal(
        extra, tmp_path
    )
    del state["conv_hr.bias"]
    assert 'Missing key(s) in state_dict: "last_hidden.bias"' in refusal(state, tmp_path)
    small = LeftThomas().state_dict() | {"block8.2.weight": torch.ones(3, 8, 3, 3)}
    assert "size mismatch for output.weight" in refusal(small, tmp_path)


def test_instance_norms_are_refused_with_the_reason(tmp_path: Path) -> None:
    state = {"conv_input.weight": torch.ones(8, 3, 9, 9), "residual.0.in1.weight": torch.ones(8)}
    assert "instance norms measure each image as a whole" in refusal(state, tmp_path)


@pytest.mark.parametrize("wrap", [lambda state: state, lambda state: {"params": state}])
def test_a_discriminator_is_called_one(wrap: Callable, tmp_path: Path) -> None:
    layers = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(16, 1))
    assert "holds a discriminator" in refusal(wrap(layers.state_dict()), tmp_path)


def test_a_file_without_weights_says_what_it_has(tmp_path: Path) -> None:
    assert "holds no network's weights; it has epoch, loss" in refusal(
        {"epoch": 3, "loss": 0.5}, tmp_path
    )


def test_a_pickled_network_gets_a_remedy(tmp_path: Path) -> None:
    said = refusal({"epoch": 1, "model": LeftThomas()}, tmp_path)
    assert "holds a pickled tests.support.foreign_ports.LeftThomas" in said
    assert "torch.save(model.state_dict(), 'weights.pth')" in said


def test_training_starts_from_our_own_weights_alone(tmp_path: Path) -> None:
    torch.save(LeftThomas().state_dict(), tmp_path / "w.pth")
    with pytest.raises(ConfigurationError, match=r"SRGAN of leftthomas.*cannot be trained"):
        load_generator(tmp_path / "w.pth")
    torch.save(Generator(4, 8, 2).state_dict(), tmp_path / "own.pth")
    assert load_generator(tmp_path / "own.pth")[1].blocks == 2
