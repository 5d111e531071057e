"""Cores of actors: separate for each process, for all its threads, released when it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest

from jobs.upscale.cores import cpu_quota, keep_to_cores

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity"), reason="this system pins no processes"
)

CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
# One thread exists before, one starts later; then the process waits until it is ended.
ACTOR = """
import os, sys, threading
from jobs.upscale.cores import keep_to_cores

gate = threading.Event()
seen = []
def look():
    gate.wait()
    seen.append(sorted(os.sched_getaffinity(0)))
before = threading.Thread(target=look)
before.start()
claimed = keep_to_cores(int(sys.argv[1]), prefix=sys.argv[2])
later = threading.Thread(target=look)
later.start()
gate.set()
before.join(), later.join()
print(claimed, seen, flush=True)
sys.stdin.read()
"""


class Actor:
    """A process that claims cores and lives until it is stopped."""

    def __init__(self, count: int, prefix: str, temporary: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", ACTOR, str(count), prefix],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"TMPDIR": str(temporary)},
        )
        assert self._process.stdout is not None
        self.said = self._process.stdout.readline().strip()

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def actors(tmp_path: Path) -> Iterator[Callable[[int], Actor]]:
    with ExitStack() as stack:
        numbers, prefix = count(), uuid4().hex

        def start(cores: int) -> Actor:
            # Jobs on one machine often have their own folders for temporary files.
            temporary = tmp_path / str(next(numbers))
            temporary.mkdir()
            actor = Actor(cores, prefix, temporary)
            stack.callback(actor.end)
            return actor

        yield start


def test_each_actor_has_its_own_core_until_it_dies(actors: Callable[[int], Actor]) -> None:
    first, *_ = started = [actors(1) for _ in CORES]
    assert [actor.said for actor in started] == [f"[{core}] [[{core}], [{core}]]" for core in CORES]
    assert actors(1).said == f"[] [{CORES}, {CORES}]", "one too many is left to the system"
    first.end()
    assert actors(1).said == f"[{CORES[0]}] [[{CORES[0]}], [{CORES[0]}]]"


def test_an_actor_of_all_cores_claims_all_or_none(actors: Callable[[int], Actor]) -> None:
    everything = actors(len(CORES))
    assert everything.said == f"{CORES} [{CORES}, {CORES}]"
    assert actors(1).said.startswith("[] ")
    everything.end()
    one = actors(1)
    assert actors(len(CORES)).said.startswith("[] ")
    one.end()
    assert actors(len(CORES)).said.startswith(f"{CORES}")


def test_nothing_is_pinned_where_time_is_rationed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "cpu.max").write_text(f"{len(CORES) * 50_000} 100000\n")
    monkeypatch.setattr("jobs.upscale.cores._CONTROL_GROUP", tmp_path)
    assert keep_to_cores(1, prefix=uuid4().hex) == []
    assert sorted(os.sched_getaffinity(0)) == CORES


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"cpu.max": "400000 100000\n"}, 4),
        ({"cpu.max": "50000 100000\n"}, 0.5),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "150000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1.5),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({}, None),
    ],
)
def test_the_quota_of_both_versions_of_control_groups(
    files: dict[str, str], quota: float | None, tmp_path: Path
) -> None:
    (tmp_path / "cpu").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert cpu_quota(tmp_path) == quota
