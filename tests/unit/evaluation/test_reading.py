"""Reading by tesseract: what is wrong with the program is one line with a remedy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sr_core.errors import ConfigurationError
from sr_core.evaluation import reading
from sr_core.evaluation.reading import Reader

PAGE = np.full((20, 30, 3), 255, np.uint8)


def pretend(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a shell script in place of tesseract."""
    program = folder / "tesseract"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_a_missing_program_has_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"no tesseract.*apt-get install tesseract-ocr"):
        Reader.find()


def test_missing_english_has_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(tmp_path, monkeypatch, "echo tesseract 5.9; echo deu")
    with pytest.raises(
        ConfigurationError, match="does not know English; install tesseract-ocr-eng"
    ):
        Reader.find()


def test_a_page_goes_in_as_png_and_its_text_comes_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(tmp_path, monkeypatch, f'[ $1 = stdin ] && cat > {tmp_path}/page; echo "eng 5.9 $*"')
    reader = Reader.find()
    assert reader.version == "eng 5.9 --version"
    assert reader.read(PAGE) == "eng 5.9 stdin stdout -l eng --dpi 300 --psm 6\n"
    assert (tmp_path / "page").read_bytes().startswith(b"\x89PNG")


def test_a_program_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(tmp_path, monkeypatch, "echo 'no memory left' >&2; exit 1")
    with pytest.raises(ConfigurationError, match=r"tesseract failed: no memory left$"):
        Reader("tesseract", "5.9").read(PAGE)


def test_a_program_that_hangs_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(tmp_path, monkeypatch, "exec tail -f /dev/null")
    monkeypatch.setattr(reading, "_TIMEOUT_S", 0.2)
    with pytest.raises(ConfigurationError, match="did not answer within"):
        Reader("tesseract", "5.9").read(PAGE)
