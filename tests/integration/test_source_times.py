"""Outputs have the time and permissions of their sources."""

from __future__ import annotations

import os
import stat
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest

from sr_core.archive.storage import Origin, open_store
from sr_core.audit.verify.checks import verify_run
from sr_core.config import ExecutionConfig, JobConfig, RunConfig
from tests.support.photographs import write_photographs
from tests.support.whole_run import run_here

TAKEN = datetime(1999, 12, 31, 23, 59, tzinfo=UTC).timestamp()


def outputs(folder: Path, times: Literal["source", "now"]) -> dict[str, os.stat_result]:
    """Upscale photographs that are old and private; return the files of the outputs."""
    write_photographs(folder / "photos", 3)
    for source in (folder / "photos").iterdir():
        os.utime(source, (TAKEN, TAKEN))
        source.chmod(0o440)
    run_here(
        JobConfig(
            source=str(folder / "photos"),
            output=str(folder / "out"),
            run=RunConfig(model="bicubic"),
            execution=ExecutionConfig(shard_megapixels=1, shard_images=4, times=times),
        )
    )
    assert verify_run(open_store(str(folder / "out"))) == []
    found = (folder / "out" / "images").rglob("*")
    return {path.name: path.stat() for path in found if path.is_file()}


def test_outputs_are_dated_like_their_sources(tmp_path: Path) -> None:
    found = outputs(tmp_path, "source")
    assert len(found) == 3
    assert {status.st_mtime for status in found.values()} == {TAKEN}
    assert {stat.S_IMODE(status.st_mode) for status in found.values()} == {0o440}


def test_outputs_are_dated_now_on_request(tmp_path: Path) -> None:
    started = time.time() - 5
    found = outputs(tmp_path, "now")
    assert min(status.st_mtime for status in found.values()) > started
    assert 0o440 not in {stat.S_IMODE(status.st_mode) for status in found.values()}


@pytest.mark.parametrize("mode", [0o644, 0o000, None])
def test_an_origin_is_carried_as_metadata(tmp_path: Path, mode: int | None) -> None:
    origin = Origin(datetime.fromtimestamp(TAKEN, UTC), mode)
    metadata = origin.as_metadata()
    assert metadata["source-modified"] == "1999-12-31T23:59:00+00:00"
    store = open_store(str(tmp_path / "root"))
    assert store.put_if_absent("a/b.png", b"data", metadata)
    path = tmp_path / "root" / "a" / "b.png"
    assert path.stat().st_mtime == TAKEN
    assert path.stat().st_mode & 0o400  # its owner may read it
    assert not store.put_if_absent("a/b.png", b"data", {"source-modified": "2020-01-01T00:00:00"})
    assert path.stat().st_mtime == TAKEN


def test_damaged_metadata_of_an_origin_is_ignored(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "root"))
    assert store.put_if_absent("a.png", b"data", {"source-mode": "x", "source-modified": "now"})
    assert store.read("a.png") == b"data"
