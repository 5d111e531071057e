"""The cores of an actor: each process on its own, all threads of it, free again when it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity"), reason="this system pins no processes"
)

CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
# A thread that was there before, one that comes later; then the process waits to be ended.
ACTOR = """
import os, sys, threading
from jobs.cores import keep_to_cores

gate = threading.Event()
seen = []
def look():
    gate.wait()
    seen.append(sorted(os.sched_getaffinity(0)))
before = threading.Thread(target=look)
before.start()
claimed = keep_to_cores(int(sys.argv[1]))
later = threading.Thread(target=look)
later.start()
gate.set()
before.join(), later.join()
print(claimed, seen, flush=True)
sys.stdin.read()
"""


class Actor:
    """A process that claims cores and lives until it is told to end."""

    def __init__(self, count: int, temporary: Path) -> None:
        environment = os.environ | {"TMPDIR": str(temporary)}
        self._process = subprocess.Popen(
            [sys.executable, "-c", ACTOR, str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert self._process.stdout is not None
        self.said = self._process.stdout.readline().strip()

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def actors(tmp_path: Path) -> Iterator[Callable[[int], Actor]]:
    with ExitStack() as stack:

        def start(count: int) -> Actor:
            actor = Actor(count, tmp_path)
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


def test_a_lock_that_another_user_laid_is_left_alone(
    actors: Callable[[int], Actor], tmp_path: Path
) -> None:
    target = tmp_path / "target"
    (tmp_path / f"srfleet-core-{CORES[0]}.lock").symlink_to(target)
    assert not actors(1).said.startswith(f"[{CORES[0]}]")
    assert not target.exists()
