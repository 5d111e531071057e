"""Checkpoints: saved ones load again; other files are refused by name."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from sr_core.errors import ConfigurationError
from sr_core.models.catalogue import checkpoint_sha256, find_checkpoint, shipped_models
from sr_core.models.checkpoint import load_generator, save_generator
from sr_core.models.generator import Generator


def test_safetensors_bring_back_weights_and_record(tmp_path: Path) -> None:
    generator = Generator(2, channels=8, blocks=3).eval()
    save_generator(tmp_path / "g.safetensors", generator, {"steps": 7}, torch.float32)
    loaded, info = load_generator(tmp_path / "g.safetensors")
    lr = torch.rand(1, 3, 5, 6)
    assert (info.scale, info.channels, info.blocks, info.training) == (2, 8, 3, {"steps": 7})
    assert torch.equal(loaded(lr), generator(lr))


def test_the_header_names_the_model_and_its_licence(tmp_path: Path) -> None:
    path, generator = tmp_path / "g.safetensors", Generator(2, channels=4, blocks=1)
    save_generator(path, generator, {}, torch.float16, name="mine", licence="CC-BY-4.0")
    _, info = load_generator(path)
    assert (info.name, info.licence) == ("mine", "CC-BY-4.0")
    with safe_open(path, "pt") as file:
        assert json.loads(file.metadata()["srfleet"])["licence"] == "CC-BY-4.0"
    save_generator(path, generator, {}, torch.float16)
    assert load_generator(path)[1].licence is None


def test_a_licence_under_another_program_s_name_is_read(tmp_path: Path) -> None:
    state = {name: value.contiguous() for name, value in Generator(2, 4, 1).state_dict().items()}
    stated = {"modelspec.license": "MIT", "modelspec.title": "theirs"}
    save_file(state, tmp_path / "g.safetensors", metadata=stated)
    _, info = load_generator(tmp_path / "g.safetensors")
    assert (info.name, info.licence) == ("theirs", "MIT")


def test_a_state_dict_tells_its_own_size(tmp_path: Path) -> None:
    generator = Generator(4, channels=8, blocks=2).eval()
    torch.save(generator.state_dict(), tmp_path / "g.pth")
    loaded, info = load_generator(tmp_path / "g.pth")
    lr = torch.rand(1, 3, 5, 6)
    assert (info.scale, info.channels, info.blocks) == (4, 8, 2)
    assert torch.equal(loaded(lr), generator(lr))


def test_a_pickle_with_code_is_refused(tmp_path: Path) -> None:
    torch.save({"head.weight": Path}, tmp_path / "evil.pth")
    with pytest.raises(ConfigurationError, match=r"evil\.pth holds a pickled pathlib\.Path"):
        load_generator(tmp_path / "evil.pth")


@pytest.mark.parametrize(
    ("name", "content"), [("a.safetensors", b"no"), ("b.pth", b""), ("c.pth", b"PK\x03\x04")]
)
def test_a_broken_file_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=name):
        load_generator(tmp_path / name)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    state = Generator(4, channels=8, blocks=2).state_dict()
    del state["output.bias"]
    torch.save(state, tmp_path / "g.pth")
    with pytest.raises(ConfigurationError, match=r"output\.bias"):
        load_generator(tmp_path / "g.pth")


def test_an_unknown_model_lists_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"'srganx'.*nearest.*bicubic.*srresnet"):
        find_checkpoint("srganx")


def test_shipped_weights_load_and_have_a_hash() -> None:
    assert "srresnet" in shipped_models()
    for name in shipped_models():
        generator, info = load_generator(find_checkpoint(name))
        assert info.scale == generator.scale == 4
        assert len(checkpoint_sha256(name) or "") == 64
    assert checkpoint_sha256("bicubic") is None
