"""Versions of everything that computes, for run.json and the parts of the metrics table."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from sr_core.archive.ledger.versions import _commit, computing_versions


def test_every_library_that_decides_pixels_is_named() -> None:
    assert computing_versions().keys() >= {
        *("srfleet", "python", "torch", "openvino", "numpy"),
        *("imagecodecs", "simplejpeg", "pillow", "pyarrow"),
    }


def test_the_commit_of_a_checkout_is_named_with_its_changes(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True)

    git("init", "-q")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "-qm", "one")
    clean = _commit(tmp_path)
    assert clean is not None
    assert re.fullmatch("[0-9a-f]{40}", clean)
    (tmp_path / "file").write_text("two, longer")
    assert _commit(tmp_path) == f"{clean}-dirty"


def test_a_package_outside_of_a_checkout_has_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _commit(tmp_path) is None
    (tmp_path / ".git").write_text("gitdir: /nowhere")
    assert _commit(tmp_path) is None, "not a repository"
    monkeypatch.setenv("PATH", "")
    assert _commit(Path(__file__).parents[3]) is None, "no git"
