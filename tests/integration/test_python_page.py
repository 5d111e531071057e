"""docs/python.md: its code runs as shown, and its list of public names is complete."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import sr_core
from sr_core.imaging.resample import resize_pixels
from tests.support.photo_run import PhotoRun

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/python.md").read_text()
SECTIONS = dict(re.findall(r"^## ([^\n]*)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
LR = ROOT / "jobs/samples/lr"


def run_section(heading: str) -> dict[str, Any]:
    """Execute the Python block of a section and return its variables."""
    (block,) = re.findall(r"^```python\n(.*?)^```", SECTIONS[heading], re.MULTILINE | re.DOTALL)
    variables: dict[str, Any] = {}
    exec(compile(block, f"docs/python.md, {heading}", "exec"), variables)
    return variables


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to a folder with photographs."""
    (tmp_path / "photos").mkdir()
    for name in ("kitten", "osprey"):
        shutil.copy(LR / f"{name}.png", tmp_path / "photos")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_python_block_of_the_page_is_run() -> None:
    shown = [heading for heading, text in SECTIONS.items() if "```python" in text]
    assert shown == ["One image", "One file", "Ray Data", "Reading a run"]


def test_one_image_is_upscaled_from_an_array(folder: Path) -> None:
    upscaled = run_section("One image")["upscaled"]
    with Image.open(folder / "kitten-x4.png") as image:
        assert image.size == (640, 424)
        assert np.array_equal(np.asarray(image), upscaled.pixels)
    assert upscaled.made_by.model == "srgan"
    assert closeness(upscaled.pixels, "kitten") > 20


def closeness(pixels: np.ndarray, sample: str) -> float:
    """Return the PSNR in dB, over all channels, against the original photograph."""
    with Image.open(ROOT / f"jobs/samples/hr/{sample}.jpg") as image:
        error = pixels.astype(float) - np.asarray(image)
    return float(10 * np.log10(255**2 / np.mean(error**2)))


def test_one_file_is_upscaled_to_another(folder: Path) -> None:
    made = run_section("One file")["made"]
    with Image.open(folder / "kitten-x2.jpg") as image:
        assert (image.format, image.size) == ("JPEG", (320, 212))
        shown = np.asarray(image)
    assert made.format == "jpeg"
    assert closeness(resize_pixels(shown, 424, 640, "bicubic"), "kitten") > 20


@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray")  # Ray Data's own settings
def test_ray_data_upscales_files_and_a_bad_one_is_a_row(folder: Path, ray_session: None) -> None:
    (folder / "photos" / "notes.png").write_text("not an image")
    run_section("Ray Data")
    rows = {Path(row["path"]).name: row for row in pq.read_table("upscaled").to_pylist()}
    assert sorted(rows) == ["kitten.png", "notes.png", "osprey.png"]
    assert rows["notes.png"]["error_class"] == "unsupported_format"
    assert rows["notes.png"]["bytes"] is None
    for name in ("kitten", "osprey"):
        row = rows[f"{name}.png"]
        assert (row["format"], row["error_class"]) == ("jpeg", None)
        (folder / "made.jpg").write_bytes(row["bytes"])
        with Image.open(folder / "made.jpg") as image:
            assert closeness(np.asarray(image), name) > 20


def test_a_run_is_read_and_verified(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = PhotoRun(folder / "made")
    run.add("a.png", lr_psnr_db=41.0)
    run.add("b.png", lr_psnr_db=33.0)
    run.write()
    shutil.move(folder / "made/run", folder / "photos-x4")
    rows = run_section("Reading a run")["worst"]
    assert rows.column("key").to_pylist() == ["b.png", "a.png"]
    assert "b.png" in capsys.readouterr().out


def test_the_page_lists_exactly_the_public_names() -> None:
    listed = re.findall(r"^\| `(\w+)` \|", SECTIONS["What is public"], re.MULTILINE)
    assert sorted(listed) == sorted(sr_core.__all__)
    assert dir(sr_core) == sr_core.__all__
    assert [name for name in listed if getattr(sr_core, name).__name__ != name] == []


def test_the_page_names_methods_that_exist() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", SECTIONS["What is public"], re.MULTILINE)
    named = [(name, method) for name, text in rows for method in re.findall(r"`(\w+)\(", text)]
    assert ("Ledger", "snapshot") in named
    assert [each for each in named if not hasattr(getattr(sr_core, each[0]), each[1])] == []


def test_types_and_imports_of_public_names_agree() -> None:
    tree = ast.parse((ROOT / "sr_core/__init__.py").read_text())
    (checked,) = (node for node in tree.body if isinstance(node, ast.If))
    typed = [
        (alias.name, node.module)
        for node in checked.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    assert sorted(typed) == sorted(sr_core._MODULE_OF.items())
    assert sorted(name for name, _ in typed) == sr_core.__all__


LOADED = """
import json, sys
import sr_core
at_first = sorted(name for name in sys.modules if name.startswith("sr_core."))
sr_core.Ledger, sr_core.open_store, sr_core.verify_run, sr_core.RunConfig, sr_core.Status
print(json.dumps([at_first, sorted({"torch", "ray"} & sys.modules.keys())]))
"""


def test_the_library_loads_on_use_and_reading_needs_no_torch() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert json.loads(answer.stdout) == [[], []]
