"""srfleet verify prints a summary, then the findings by kind, and ends with its exit code."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from jobs.cli.progress import CountProgress
from jobs.cli.verify import LINES_PER_KIND
from jobs.terminal import Terminal
from sr_core.archive.ledger.layout import success_name
from sr_core.archive.storage import open_store
from tests.support.commands import srfleet_here
from tests.support.small_run import planned_images, work

IMAGES = planned_images(60, per_shard=30)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Create a finished run of 60 images."""
    work(open_store(str(tmp_path)), IMAGES, "a")
    return tmp_path


def lines(root: Path, *options: str, exit_code: int) -> list[str]:
    done = srfleet_here("verify", str(root), *options)
    assert done.exit_code == exit_code, done.output
    return done.stdout.splitlines()


def test_a_sound_run_is_summarised(root: Path) -> None:
    said = lines(root, exit_code=0)
    assert said[0].endswith("1 round, 60 outputs")
    assert said[1].startswith("root hash: ")
    assert said[2:] == ["60 of 60 outputs read again", "everything is as it should be"]


def test_a_sample_names_its_seed(root: Path) -> None:
    said = lines(root, "--sample", "5", "--seed", "7", exit_code=0)
    assert "5 of 60 outputs read again, a sample with seed 7" in said


def test_findings_follow_the_summary_and_the_rest_of_a_kind_is_counted(root: Path) -> None:
    for path in (root / "images" / "album").iterdir():
        path.unlink()
    (root / "notes.txt").write_text("mine")
    said = lines(root, exit_code=5)
    assert said[3] == "61 findings: 1 note, 60 errors"
    missing = [line for line in said if line.startswith("error: images/album/")]
    assert len(missing) == LINES_PER_KIND
    assert "10 more of missing output; --json lists them" in said
    assert "note: notes.txt: it is no object of the run" in said


def test_a_note_alone_is_no_damage(root: Path) -> None:
    (root / "notes.txt").write_text("mine")
    assert "1 finding: 1 note" in lines(root, exit_code=0)


def test_an_unfinished_run_ends_with_75(root: Path) -> None:
    (root / success_name(0)).unlink()
    assert "root hash: none" in lines(root, exit_code=75)


def test_progress_in_a_log_comes_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    log = io.StringIO()
    with CountProgress(Terminal(log)) as progress:
        for second in range(0, 100, 10):
            clock[0] = float(second)
            progress("outputs", second, 100)
    assert log.getvalue().splitlines() == [
        "30 of 100 outputs",
        "60 of 100 outputs",
        "90 of 100 outputs",
    ]
