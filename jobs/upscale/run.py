"""A run from its start to its outcome: open, plan, approve, drive, sum up."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from jobs.cluster.connect import choose_devices, connected
from jobs.upscale.drive import drive, open_fleet
from jobs.upscale.fleet import Fleet
from jobs.upscale.observer import (
    FilesLeftOut,
    RoundNotNeeded,
    RoundPlanned,
    RunObserver,
    RunOpened,
    RunOutcome,
    SourceChanged,
    Warned,
)
from jobs.upscale.plan import Approve, ChooseImages, PlannedRun, Planner, with_precision
from jobs.upscale.repair import damaged_images
from sr_core.archive.ledger.layout import REPORT_KEY
from sr_core.archive.ledger.snapshot import Snapshot
from sr_core.archive.planning.summary import count_copies
from sr_core.archive.source.changes import Change
from sr_core.audit.report.report import write_report
from sr_core.audit.verdicts.audit import audit_run, shipped_standard
from sr_core.config import JobConfig
from sr_core.engine.prepare import OpenRun, open_run
from sr_core.engine.rounds import (
    FurtherImages,
    added_images,
    failed_images,
    source_changes,
)
from sr_core.engine.signing import Signer
from sr_core.errors import RetryLaterError
from sr_core.records import LeftOut


def upscale(
    job: JobConfig,
    observer: RunObserver,
    *,
    retry_failed: bool = False,
    extend: bool = False,
    repair: bool = False,
    report: bool = True,
    approve: Approve | None = None,
) -> RunOutcome:
    """Begin a run, or resume it, and bring it to its end.

    Args:
        job: source, root, configuration and execution.
        observer: receives the events of the run.
        retry_failed: process the failed images again in a further round.
        extend: process files added to the source since it was planned, in a further round.
        repair: make missing and damaged outputs again in a further round.
        report: write the HTML report at the end.
        approve: called with every plan before it is frozen and driven; raises to refuse it.

    Raises: ConfigurationError for a job that cannot run; RetryLaterError if the run was stopped or
        something it needs is unavailable; whatever `approve` raises.
    """
    run, manifest = open_run(job)
    if extend and run.source.manifest is not None:
        run.source.listed()  # says that a manifest is frozen, before anything is done
    if run.job.run.precision != "auto":
        observer.observe(_opened(run))
    if run.left_out != LeftOut():
        left_out = run.left_out
        observer.observe(FilesLeftOut(left_out.excluded, left_out.not_included, left_out.unmatched))
    state = run.ledger.snapshot() if manifest is None else None
    if state is not None:
        if not repair:  # which concerns the files that were planned
            _observe_changes(run, state, observer)
        if not (state.pending or retry_failed or extend or repair):
            state = run.ledger.close_rounds(state)
            return _sum_up(run, state, report=report and not _has_report(run))
    if job.execution.c2pa_sign is not None:
        Signer(*job.execution.c2pa_sign)  # refuses what cannot sign before anything is done
    driver = _Driver(run, state, observer, approve)
    try:
        with connected(job.execution):
            state = driver.drive_all(
                manifest, _further(retry_failed=retry_failed, extend=extend, repair=repair)
            )
    except (KeyboardInterrupt, SystemExit) as interrupt:  # SystemExit: from a Ray joined before
        raise RetryLaterError(_what_is_left(driver.run, driver.state)) from interrupt
    return _sum_up(driver.run, state, report=report)


def _opened(run: OpenRun) -> RunOpened:
    return RunOpened(run.record.run_id, run.source.store.uri, run.ledger.store.uri)


def _further(*, retry_failed: bool, extend: bool, repair: bool) -> dict[str, ChooseImages]:
    """Return the requested rounds, each by the reason to give if it has no images."""
    further: dict[str, ChooseImages] = {}
    if retry_failed:
        further["no image failed"] = lambda run, state: FurtherImages(failed_images(run, state))
    if extend:
        further["no files were added to the source"] = lambda run, state: FurtherImages(
            added_images(run, state)
        )
    if repair:
        further["no output is missing or damaged"] = damaged_images
    return further


class _Driver:
    """Plans, approves, freezes and drives one round after the other over one fleet."""

    def __init__(
        self,
        run: OpenRun,
        state: Snapshot | None,
        observer: RunObserver,
        approve: Approve | None,
    ) -> None:
        """Create a driver; `state` is None if the run has no plan yet."""
        self.run, self.state = run, state
        self._observer, self._approve = observer, approve
        self._root_is_prepared = False

    def drive_all(self, manifest: pa.Table | None, further: Mapping[str, ChooseImages]) -> Snapshot:
        """Drive the first or the pending rounds, then further ones; return the state afterwards.

        Args:
            manifest: the images of the first round; None if the run has a plan.
            further: chooses the images of each further round, after the rounds before it ended:
                an image that a pending round is about to finish has not failed.
        """
        devices = choose_devices(self.run.job.execution)
        if self.run.job.run.precision == "auto":
            self.run = with_precision(self.run, devices)
            self._observer.observe(_opened(self.run))
        planner = Planner(self.run, devices, always_measure=self._approve is not None)
        if manifest is not None:
            planned = planner.first(manifest)
        else:
            planned = planner.pending(self.state or self.run.ledger.snapshot())
        if further:
            planner.measure()
        with open_fleet(self.run, devices, self._observer) as fleet:
            state, _ = self._approve_and_drive(planned, fleet)
            for not_needed, images in further.items():
                ours = False
                while not ours:  # another driver that was first may have planned other images
                    more = planner.further(state, images)
                    if more is None:
                        self._observer.observe(RoundNotNeeded(not_needed))
                        break
                    state, ours = self._approve_and_drive(more, fleet)
        return state

    def _approve_and_drive(self, planned: PlannedRun, fleet: Fleet) -> tuple[Snapshot, bool]:
        """Drive a plan once it is approved.

        Returns:
            The state afterwards, and False if the plan of another driver was driven instead.
        """
        if self._approve is not None:
            self._approve(planned)
        self._prepare_root()
        ours = planned.freeze()
        for each in planned.rounds:
            if each.plan is not None:
                shards, images = len(each.shards), each.summary.images
                self._observer.observe(RoundPlanned(each.round_index, shards, images))
        self.state = self.run.ledger.snapshot(self.state)
        self.state = drive(self.run, self.state, fleet, self._observer)
        return self.state, ours

    def _prepare_root(self) -> None:
        if self._root_is_prepared:
            return
        self._root_is_prepared = True
        if self.state is not None:
            self.run.ledger.remove_leftovers()  # of writers that died at least a day ago
        store = self.run.ledger.store
        if not store.refuses_overwrites():
            self._observer.observe(
                Warned(
                    f"{store.uri} does not honour conditional writes; run only one srfleet on it "
                    "at a time"
                )
            )


def _observe_changes(run: OpenRun, state: Snapshot, observer: RunObserver) -> None:
    """Compare the source as it is now with what was planned."""
    changes = source_changes(run, state)
    if changes is None:
        return
    for change, found in (
        (Change.NEW, changes.new),
        (Change.CHANGED, changes.changed),
        (Change.GONE, changes.gone),
    ):
        if found.count:
            observer.observe(SourceChanged(change, found.count, tuple(found.first_keys)))


def _has_report(run: OpenRun) -> bool:
    return run.ledger.store.head(REPORT_KEY) is not None


def _what_is_left(run: OpenRun, state: Snapshot | None) -> str:
    if not run.ledger.rounds():
        return "stopped before anything was planned; run the same command again"
    progress = run.ledger.snapshot(state).progress
    return (
        f"{progress.images_done} done, {progress.images_left} left; the same command resumes "
        "from here"
    )


def _sum_up(run: OpenRun, state: Snapshot, *, report: bool) -> RunOutcome:
    store = run.ledger.store
    if report:
        audit = write_report(store, source=run.source.store, state=state)
    else:
        audit = audit_run(store, shipped_standard(), state)
    return RunOutcome(
        run.record.run_id,
        store.uri,
        state.progress.images,
        state.progress.statuses,
        state.progress.error_classes,
        audit.total.by_verdict,
        state.progress.salvaged,
        _copied_sidecars(run),
        f"{store.uri}/{REPORT_KEY}" if report else None,
        run.ledger.root_hash(state),
    )


def _copied_sidecars(run: OpenRun) -> int:
    if not run.job.run.sidecars:
        return 0
    return count_copies(run.ledger.latest_rows(["image_id", "sidecars"]))
