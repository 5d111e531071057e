"""The display of a run's progress and outcome."""

from __future__ import annotations

import io

import pytest

from jobs.cli import display
from jobs.cli.display import Display, outcome
from jobs.durations import duration
from jobs.terminal import Terminal
from jobs.upscale.observer import RoundBegun, ShardCommitted
from sr_core.errors import ErrorClass
from sr_core.records import ShardResult, Status


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59, "59 s"),
        (200, "3 min 20 s"),
        (3600, "1 h 0 min"),
        (18_720, "5 h 12 min"),
        (273_600, "3 d 4 h"),
    ],
)
def test_durations_have_the_two_units_that_matter(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_outcome_names_failures_by_class_most_frequent_first() -> None:
    statuses = {Status.OK: 98, Status.FAILED: 3, Status.DUPLICATE: 1}
    classes = {ErrorClass.DECODE: 1, ErrorClass.NETWORK: 2, ErrorClass.DUPLICATE_KEY: 1}
    assert outcome(statuses, classes) == "98 ok, 3 failed (network 2, decode 1), 1 named twice"
    assert outcome({Status.OK: 5}, {}) == "5 ok"


def shard(ok: int, failed: int = 0) -> ShardResult:
    statuses = {Status.OK: ok, Status.FAILED: failed}
    return ShardResult(
        0, 0, "a", True, statuses, {ErrorClass.DECODE: failed}, 0, 2.0 * ok, 1.0, 0.0
    )


def begun(images: int, images_done: int, megapixels_left: float) -> RoundBegun:
    return RoundBegun(0, 1, images, images_done, megapixels_left)


def test_lines_are_printed_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 20))
    monkeypatch.setattr(display.time, "monotonic", lambda: float(next(clock)))
    text = io.StringIO()
    with Display(Terminal(text)) as shown:
        shown.observe(begun(images=100, images_done=40, megapixels_left=120))
        shown.observe(ShardCommitted(shard(10)))
        shown.observe(ShardCommitted(shard(10, failed=2)))
    first, *_, last = text.getvalue().splitlines()
    assert first == "40 done, 60 left"
    assert last.startswith("62 of 100 images")
    assert "MP/s" in last
    assert "left" in last
    assert "2 failed (decode 2)" in last


def test_one_live_line_on_a_terminal() -> None:
    text = io.StringIO()
    with Display(Terminal(text, force_terminal=True)) as shown:
        shown.observe(begun(images=10, images_done=0, megapixels_left=20))
        shown.observe(ShardCommitted(shard(10)))
    assert "10 of 10 images" in text.getvalue()
