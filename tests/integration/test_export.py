"""srfleet export: the file, its check against torch, and the code of docs/models.md."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

from jobs.models import export as exporting
from jobs.models.export import export
from sr_core.errors import ConfigurationError
from sr_core.inference.upscaler import open_upscaler
from sr_core.models.cards import find_card
from sr_core.models.checkpoint import save_generator
from sr_core.models.generator import Generator
from tests.support.commands import srfleet_here
from tests.support.foreign_sr import RRDBNet

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an export of srgan, and with a photograph."""
    folder = tmp_path_factory.mktemp("export")
    said = srfleet_here("export", "srgan", str(folder / "srgan.onnx"))
    assert re.search(r"srgan x4, 6\.4 MB, licence Apache-2\.0", " ".join(said.output.split()))
    assert re.search(r"largest difference from torch by onnxruntime: \d\.\de-0[67]", said.output)
    shutil.copy(ROOT / "jobs/samples/lr/kitten.png", folder)
    return folder


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "mine_x2.safetensors"
    generator = Generator(2, channels=4, blocks=1)
    save_generator(path, generator, {}, torch.float32, name="mine", licence="CC-BY-4.0")
    return path


def metadata(path: Path) -> dict[str, str]:
    return {each.key: each.value for each in onnx.load(path).metadata_props}


def test_the_metadata_has_the_card_the_hash_and_the_version(folder: Path) -> None:
    card = find_card("srgan")
    assert card is not None
    found = metadata(folder / "srgan.onnx")
    assert found["licence"] == card.licence
    assert found["checkpoint_sha256"] == card.sha256
    assert (found["model"], found["scale"]) == ("srgan", "4")
    assert (found["purpose"], found["generative"]) == (card.purpose, "true")
    assert found["training_data"] == card.training_data
    assert found["source"] == f"{card.file}, srfleet's own"
    assert found["srfleet_version"] == version("srfleet")


def test_every_key_of_the_metadata_is_documented(folder: Path) -> None:
    page = (ROOT / "docs/models.md").read_text()
    table = page.partition("(`metadata_props`):\n")[2].partition("\n\nThe 9x9")[0]
    keys = re.findall(r"`(\w+)`", "\n".join(re.findall(r"^\| ([^|]*) \|", table, re.MULTILINE)))
    assert set(keys) == set(metadata(folder / "srgan.onnx"))


def test_the_code_of_the_page_makes_what_srfleet_makes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    page = (ROOT / "docs/models.md").read_text()
    (block,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    variables: dict[str, Any] = {}
    exec(compile(block, "docs/models.md", "exec"), variables)
    with Image.open("kitten.png") as image:
        lr = np.array(image.convert("RGB"))
    upscaler = open_upscaler("srgan", precision="float32", engine="torch")
    expected = upscaler.upscale(lr, 4 * lr.shape[0], 4 * lr.shape[1]).pixels.astype(int)
    with Image.open("kitten-x4.png") as image:
        assert np.abs(np.asarray(image).astype(int) - expected).max() <= 1


def test_a_checkpoint_brings_its_licence_from_its_header(checkpoint: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.onnx"
    said = srfleet_here("export", str(checkpoint), str(file), "--json")
    answer = json.loads(said.stdout)
    assert answer["schema"] == "srfleet.export/1"
    assert (answer["model"], answer["scale"], answer["licence"]) == ("mine", 2, "CC-BY-4.0")
    assert answer["checkpoint_sha256"] == hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    assert answer["size_bytes"] == file.stat().st_size
    assert 0 < answer["largest_difference"] < 1e-5
    assert {path.name for path in tmp_path.iterdir()} == {"mine.onnx", checkpoint.name}


def test_another_s_network_is_exported_with_the_multiple_that_it_needs(tmp_path: Path) -> None:
    torch.save({"params_ema": RRDBNet(2).state_dict()}, tmp_path / "theirs.pth")
    found = export(str(tmp_path / "theirs.pth"), tmp_path / "theirs.onnx")
    assert found.licence is None
    described = metadata(found.path)
    assert (described["licence"], described["multiple_px"]) == ("not stated", "2")
    assert described["source"].startswith("theirs.pth, RRDBNet")


def test_an_existing_file_is_kept(checkpoint: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.onnx"
    file.write_text("precious")
    with pytest.raises(ConfigurationError, match="exists and is not overwritten"):
        export(str(checkpoint), file)
    assert file.read_text() == "precious"


def test_a_file_that_appears_meanwhile_is_kept(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mine.onnx"

    def arrive(*_: object) -> float:
        file.write_text("precious")
        return 0.0

    monkeypatch.setattr(exporting, "largest_difference", arrive)
    with pytest.raises(ConfigurationError, match="exists and is not overwritten"):
        export(str(checkpoint), file)
    assert file.read_text() == "precious"


@pytest.mark.parametrize("difference", [0.01, float("inf")])
def test_a_file_that_computes_something_else_is_not_written(
    difference: float, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "largest_difference", lambda *_: difference)
    with pytest.raises(ConfigurationError, match=r"differs from torch .* nothing was written"):
        export(str(checkpoint), tmp_path / "mine.onnx")
    assert not (tmp_path / "mine.onnx").exists()


def test_without_onnxruntime_the_file_is_written_unchecked(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        exporting, "find_spec", lambda name: None if name == "onnxruntime" else find_spec(name)
    )
    assert export(str(checkpoint), tmp_path / "mine.onnx").largest_difference is None
    assert (tmp_path / "mine.onnx").is_file()


def test_a_missing_package_is_named_with_its_extra(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"onnx and onnxscript .*'\.\[export\]'"):
        export(str(checkpoint), tmp_path / "mine.onnx")


def test_a_scale_that_the_model_lacks_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="network for scale 2, not 4"):
        export(str(checkpoint), tmp_path / "mine.onnx", 4)
    with pytest.raises(ConfigurationError, match=r"srgan has a network for scale .*4, not 3"):
        export("srgan", tmp_path / "mine.onnx", 3)
