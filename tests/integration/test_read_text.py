"""srfleet evaluate --text, as its user sees it."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from jobs.models.read_text import run_text_evaluation
from jobs.terminal import Terminal
from sr_core.errors import ConfigurationError
from sr_core.evaluation.benchmark import Degradation
from sr_core.evaluation.text_tables import TextRow
from sr_core.imaging import typesetting
from tests.support.commands import exit_code_here

needs_tesseract = pytest.mark.skipif(
    shutil.which("tesseract") is None, reason="no tesseract is installed"
)
OPTIONS = {"scale": 4, "device": "cpu", "degradations": [Degradation(), Degradation("archive", 1)]}


@pytest.fixture
def terminal() -> Terminal:
    return Terminal(io.StringIO())


@needs_tesseract
def test_print_is_read_better_from_hr_than_from_lr(
    tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    face = typesetting.find_typefaces()[0]
    monkeypatch.setattr(typesetting, "_WANTED", (face,))
    out = tmp_path / "out"
    done = run_text_evaluation(["bicubic"], out, terminal, sizes_px=(32,), **OPTIONS)
    assert done.files == ("text.parquet", "text.md", "text.png")
    rows = [TextRow(**row) for row in pq.read_table(out / "text.parquet").to_pylist()]
    assert [(row.lr_source, row.image) for row in rows] == [
        ("bicubic", "HR"),
        ("bicubic", "LR"),
        ("bicubic", "bicubic"),
        ("archive, seed 1", "LR"),
        ("archive, seed 1", "bicubic"),
    ]
    assert rows[0].error_rate < 0.02
    assert rows[0].error_rate <= rows[2].error_rate < rows[1].error_rate
    assert {row.typeface for row in rows} == {face.name}
    assert {row.reader.split()[0] for row in rows} == {"tesseract"}
    assert f"{rows[1].error_rate:.3f}" in done.tables[0][2]
    assert (out / "text.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ConfigurationError, match="never overwritten"):
        run_text_evaluation(["bicubic"], out, terminal, sizes_px=(32,), **OPTIONS)


def test_without_tesseract_nothing_is_written(
    tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="apt-get install tesseract-ocr"):
        run_text_evaluation(["bicubic"], tmp_path / "out", terminal, **OPTIONS)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("arguments", [[], ["--text", "photos"]])
def test_folders_or_text_are_scored_not_both(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code_here("evaluate", *arguments) == 2
    assert "give folders to score models on, or --text, one of both" in capsys.readouterr().err
