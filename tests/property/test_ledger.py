"""Concurrent drivers that die anywhere and are restarted never break a promise of the run."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.storage import Store, open_store
from sr_core.audit.verify.checks import verify_run
from sr_core.audit.verify.findings import Severity
from sr_core.errors import RetryLaterError
from sr_core.records import Status
from tests.support.small_run import begin, contents, plan_retry, planned_images, process_round
from tests.support.watched_store import Crash, WatchedStore

IMAGES = planned_images(5, per_shard=2, refused={1})
KEYS = [image.image.key for image in IMAGES]


class Puppet:
    """A driver in a thread of its own that makes storage calls only on command."""

    def __init__(self, store: Store, job: Callable[[Store], None]) -> None:
        self._turn, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        self._killed = False
        self.ended = False
        self.error: BaseException | None = None
        watched = WatchedStore(store, before=self._wait)
        self._thread = threading.Thread(target=self._run, args=(job, watched))
        self._thread.start()
        self._stopped.acquire()

    def step(self) -> None:
        """Let it make its next storage call and continue up to the one after."""
        self._turn.release()
        self._stopped.acquire()
        if self.ended:
            self._thread.join()

    def kill(self) -> None:
        """Kill it before its next storage call."""
        self._killed = True
        self.step()

    def _wait(self) -> None:
        self._stopped.release()
        self._turn.acquire()
        if self._killed:
            raise Crash

    def _run(self, job: Callable[[Store], None], store: Store) -> None:
        try:
            job(store)
        except Crash:
            pass  # the death that `kill` asked for
        except BaseException as error:  # noqa: BLE001 - the controlling thread checks it
            self.error = error
        finally:
            self.ended = True
            self._stopped.release()


class Drivers(RuleBasedStateMachine):
    """One root, any number of drivers, sources that fail and recover, and more rounds."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp()
        self.store = open_store(self.folder)
        self.drivers: list[Puppet] = []
        self.started = 0
        self.sick: set[str] = set()
        self.written: dict[str, bytes] = {}

    @initialize()
    def first_driver(self) -> None:
        self.start_a_driver()

    @precondition(lambda self: len(self.drivers) < 3)
    @rule()
    def start_a_driver(self) -> None:
        self.started += 1
        attempt, sick = f"attempt-{self.started}", frozenset(self.sick)

        def job(store: Store) -> None:
            ledger = begin(store, IMAGES)
            process_round(ledger, ledger.rounds()[-1], attempt, sick=sick)

        self.drivers.append(Puppet(self.store, job))

    @precondition(lambda self: self.drivers)
    @rule(which=st.integers(0, 2), calls=st.integers(1, 12))
    def go_on(self, which: int, calls: int) -> None:
        driver = self.drivers[which % len(self.drivers)]
        for _ in range(calls):
            driver.step()
            if driver.ended:
                self.drivers.remove(driver)
                assert driver.error is None
                return

    @precondition(lambda self: self.drivers)
    @rule(which=st.integers(0, 2))
    def kill(self, which: int) -> None:
        self.drivers.pop(which % len(self.drivers)).kill()

    @rule(key=st.sampled_from(KEYS))
    def fall_ill_or_recover(self, key: str) -> None:
        self.sick ^= {key}

    @precondition(lambda self: Ledger(self.store).rounds())
    @rule()
    def plan_a_further_round(self) -> None:
        ledger = Ledger(self.store)
        try:
            ledger.close_rounds(ledger.snapshot())
        except RetryLaterError:
            return
        if len(ledger.snapshot().failed_ids()):
            plan_retry(ledger)

    @invariant()
    def no_promise_is_broken(self) -> None:
        if Ledger(self.store).run() is not None:
            findings = verify_run(self.store)
            assert [each for each in findings if each.severity is Severity.ERROR] == []

    @invariant()
    def what_is_written_stays_as_it_is(self) -> None:
        now = contents(self.store)
        assert self.written.items() <= now.items()
        self.written = now

    def teardown(self) -> None:
        try:
            for driver in self.drivers:
                driver.kill()
            self.finish()
        finally:
            shutil.rmtree(self.folder)

    def finish(self) -> None:
        """Let one healthy driver do the rest; nothing may be lost or left to do."""
        ledger = begin(self.store, IMAGES)
        for round_index in ledger.rounds():
            process_round(ledger, round_index, "last")
        state = ledger.close_rounds(ledger.snapshot())
        assert verify_run(self.store) == []
        progress = state.progress
        assert progress.finished
        assert (progress.images, progress.images_left) == (len(IMAGES), 0)
        assert sum(progress.statuses.values()) == len(IMAGES)
        assert progress.statuses[Status.FAILED] >= 1


TestDrivers = Drivers.TestCase
TestDrivers.settings = settings(max_examples=15, stateful_step_count=20)
