"""srfleet replay: an output made again is identical, within rounding, or different."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from sr_core.config import ExecutionConfig, JobConfig, RunConfig
from tests.support.commands import exit_code_here, srfleet_here
from tests.support.photographs import write_photographs
from tests.support.tampering import sha256_of_file
from tests.support.tampering_table import edited
from tests.support.whole_run import run_here

FIRST, SECOND = "images/000.png", "images/001.jpg"


def upscaled(folder: Path, model: str = "bicubic") -> Path:
    """Upscale two photographs, a PNG and a JPEG."""
    write_photographs(folder / "photos", 2)
    run_here(
        JobConfig(
            source=str(folder / "photos"),
            output=str(folder / "out"),
            run=RunConfig(model=model, precision="float32", measure=False),
            execution=ExecutionConfig(shard_megapixels=1),
        )
    )
    return folder / "out"


def put_row_right(root: Path) -> None:
    """Make the row of the first output describe its bytes."""
    path = root / FIRST
    size_bytes = path.stat().st_size
    edited(FIRST, output_sha256=sha256_of_file(path), output_size_bytes=size_bytes)(root)


def answer(root: Path, image: str, *options: str) -> dict[str, object]:
    return json.loads(srfleet_here("replay", str(root), image, "--json", *options).stdout)


@pytest.mark.parametrize("model", ["bicubic", "srresnet"])
def test_the_same_machine_makes_the_same_file(tmp_path: Path, model: str) -> None:
    root = upscaled(tmp_path, model)
    for image in (FIRST, SECOND):
        found = answer(root, image)
        assert (found["outcome"], found["largest_difference"]) == ("bit-identical file", 0.0)
        assert found["model"] == model


def test_an_edited_picture_is_different_although_its_row_was_edited_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = upscaled(tmp_path)
    path = root / FIRST
    with Image.open(path) as picture:
        picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(path)
    put_row_right(root)
    assert exit_code_here("replay", str(root), "000.png") == 5
    assert "different: bicubic differs by at most" in capsys.readouterr().out


def test_a_file_written_otherwise_has_the_same_pixels(tmp_path: Path) -> None:
    root = upscaled(tmp_path)
    path = root / FIRST
    with Image.open(path) as picture:
        picture.save(path, compress_level=1)
    put_row_right(root)
    assert answer(root, FIRST)["outcome"] == "bit-identical pixels"


def test_one_level_is_rounding(tmp_path: Path) -> None:
    root = upscaled(tmp_path)
    path = root / FIRST
    with Image.open(path) as picture:
        picture.point(lambda value: min(255, value + 1)).save(path)
    put_row_right(root)
    found = answer(root, FIRST)
    assert (found["outcome"], found["largest_difference"]) == ("within rounding", 1.0)


def test_a_changed_source_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = upscaled(tmp_path)
    with (tmp_path / "photos" / "000.png").open("ab") as file:
        file.write(b"!")
    assert exit_code_here("replay", str(root), FIRST) == 2
    assert "changed: its SHA-256 is" in capsys.readouterr().err


def test_a_damaged_output_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = upscaled(tmp_path)
    (root / FIRST).write_bytes(b"damaged")
    assert exit_code_here("replay", str(root), FIRST) == 2
    assert "does not match its SHA-256; see srfleet verify" in capsys.readouterr().err


def test_an_image_without_an_output_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and nothing more")
    root = upscaled(tmp_path)
    assert exit_code_here("replay", str(root), "broken.png") == 2
    assert "broken.png has no output" in capsys.readouterr().err
