"""The whole benchmark with tiny inputs: every section contains numbers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.report import BEGIN, END

ROOT = Path(__file__).resolve().parents[2]
SECTIONS = {
    "Targets": 9,
    "Machine": 10,
    "Engines": 5,
    "Codecs": 20,
    "Measuring beside upscaling": 1,
    "Metrics one by one": 3,
    "Whole job and peers": 14,
    "Actors and threads": 2,
    "Memory of an actor": 1,
}
"""Minimum number of table rows of a section on any machine, without headings."""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_trial_measures_everything(tmp_path: Path) -> None:
    document = tmp_path / "benchmarks.md"
    result = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--memory", "--output", str(document)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    text = document.read_text()
    assert "Not measured" not in text
    assert text.index(BEGIN) < text.index("## Targets") < text.index(END)
    parts = dict(part.split("\n", 1) for part in text.split("\n## ")[1:])
    lines = {name: len(numbers(part)) for name, part in parts.items()}
    assert {name for name, least in SECTIONS.items() if lines.get(name, 0) < least} == set()
    assert (tmp_path / "images" / "benchmarks.png").stat().st_size > 10_000


def numbers(text: str) -> list[str]:
    """Return the table rows with a number in a column after the first."""
    return [
        line
        for line in text.splitlines()
        if line.startswith("|") and any(map(str.isdigit, line.split("|", 2)[-1]))
    ]
