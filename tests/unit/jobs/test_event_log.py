"""The event log: one JSON object per line; failures of its file never end a run."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from jobs.cli.event_log import EventLog, event_name
from jobs.upscale.observer import RunOpened, ShardCommitted, Warned
from sr_core.config import JobConfig
from sr_core.errors import ConfigurationError, ErrorClass, RetryLaterError
from sr_core.records import ShardResult, Status

JOB = JobConfig(source="photos", output="out")
OPENED = RunOpened("0123", "s3://bucket/[/scans]", "file:///out")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_events_are_lines_with_the_run_they_belong_to(tmp_path: Path) -> None:
    path = tmp_path / "log"
    result = ShardResult(
        1, 42, "5f", True, {Status.OK: 3}, {ErrorClass.DECODE: 1}, 0, 2.0, float("nan"), 1.0
    )
    with EventLog(path, JOB) as log:
        log.observe(OPENED)
        log.observe(ShardCommitted(result))
    begun, opened, committed = lines(path)
    assert (begun["event"], begun["run_id"], begun["source"]) == ("log_opened", "", "photos")
    assert (opened["event"], opened["source_uri"]) == ("run_opened", "s3://bucket/[/scans]")
    assert (committed["event"], committed["run_id"]) == ("shard_committed", "0123")
    assert (committed["shard"], committed["attempt"]) == (42, "5f")
    assert committed["statuses"] == {"ok": 3}
    assert (committed["failures"], committed["upscale_ms"]) == ({"decode": 1}, None)
    assert list(committed)[:3] == ["time", "event", "run_id"]


def test_each_line_is_there_at_once(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with EventLog(path, JOB) as log:
        log.observe(Warned("careful"))
        assert lines(path)[-1]["message"] == "careful"


def test_names_of_events_are_their_classes_in_snake_case() -> None:
    assert event_name(ShardCommitted) == "shard_committed"


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (RetryLaterError("5 left"), 75, "5 left"),
        (ConfigurationError("no"), 2, "no"),
        (TypeError("oops"), 1, "TypeError: oops"),
        (KeyboardInterrupt(), 75, "stopped"),
    ],
)
def test_a_run_that_ends_early_says_why(
    error: BaseException, code: int, message: str, tmp_path: Path
) -> None:
    with pytest.raises(type(error)), EventLog(tmp_path / "log", JOB):
        raise error
    last = lines(tmp_path / "log")[-1]
    assert (last["event"], last["exit_code"], last["message"]) == ("run_stopped", code, message)


@contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    """Stop files from growing further, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_fills_up_ends_the_log_but_not_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "[red]"
    with EventLog(path, JOB) as log:
        with files_of_at_most(path.stat().st_size + 20):
            log.observe(OPENED)
            log.observe(OPENED)
        log.observe(OPENED)
    (warning,) = capsys.readouterr().err.splitlines()
    assert warning.startswith(f"warning: --log-json {path}: File too large; the log ends")
    # The next start begins a new line after the truncated one.
    with EventLog(path, JOB):
        pass
    first, cut_off, last = path.read_text().splitlines()
    assert (json.loads(first)["event"], json.loads(last)["event"]) == ("log_opened", "log_opened")
    with pytest.raises(json.JSONDecodeError):
        json.loads(cut_off)
