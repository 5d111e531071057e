"""A process may die before or after any storage call; the next one finishes the run."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.storage import Store, open_store
from sr_core.audit.verify.checks import verify_run
from sr_core.audit.verify.findings import Severity
from tests.support.servers import moto_server
from tests.support.small_run import begin, contents, plan_retry, planned_images, process_round
from tests.support.watched_store import Crash, Crasher

IMAGES = planned_images(3, per_shard=2, refused={1})
SICK = {"album/2.jpg"}


def both_rounds(store: Store, attempt: str) -> None:
    """Do what `upscale` and then `upscale --retry-failed` do, resuming an interrupted attempt."""
    ledger = begin(store, IMAGES)
    if ledger.rounds() == [0]:
        process_round(ledger, 0, attempt, sick=SICK)
        ledger.close_rounds(ledger.snapshot())
        plan_retry(ledger)
    process_round(ledger, 1, attempt)
    ledger.close_rounds(ledger.snapshot())


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_crash_at_any_storage_call_loses_and_repeats_nothing(tmp_path: Path, moment: str) -> None:
    check_every_crash(lambda name: open_store(str(tmp_path / name)), moment)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_the_same_holds_on_s3(monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    with moto_server() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        check_every_crash(lambda name: open_store(f"s3://{server.bucket}/{name}"), moment)


def test_two_crashes_in_a_row_are_survived_too(tmp_path: Path) -> None:
    calls = calls_of(open_store(str(tmp_path / "clean")))
    for call in range(1, calls + 1, 4):
        store = open_store(str(tmp_path / f"crash-{call}"))
        for attempt in ("doomed", "doomed too"):
            with suppress(Crash):  # the second attempt may have too few calls left to crash
                both_rounds(Crasher(after=call).watch(store), attempt)
        both_rounds(store, "rescuer")
        assert verify_run(store) == [], f"two crashes after call {call}"


def check_every_crash(open_root: Callable[[str], Store], moment: str) -> None:
    """Crash at each storage call in turn, each on a fresh root, and finish the run."""
    for call in range(1, calls_of(open_root("clean")) + 1):
        store = open_root(f"crash-{call}")
        crasher = Crasher(**{moment: call})
        with pytest.raises(Crash):
            both_rounds(crasher.watch(store), "doomed")
        check_unfinished(store)
        left_behind = contents(store)
        both_rounds(store, "rescuer")
        assert verify_run(store) == [], f"crash {moment} call {call}"
        finished = contents(store)
        assert left_behind.items() <= finished.items(), f"crash {moment} call {call}"
        both_rounds(store, "idler")
        assert contents(store) == finished, f"crash {moment} call {call}"


def calls_of(store: Store) -> int:
    """Return the number of storage calls of an undisturbed run, and check that it succeeds."""
    watched = Crasher().watch(store)
    both_rounds(watched, "clean")
    assert verify_run(store) == []
    return sum(watched.calls.values())


def check_unfinished(store: Store) -> None:
    """Check that a dead process broke no promise, and that the run counts as unfinished."""
    if Ledger(store).run() is not None:
        broken = [each for each in verify_run(store) if each.severity is Severity.ERROR]
        assert broken == []
