"""Planned work of a fleet, which can be shown, estimated and approved before it is done."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import pyarrow as pa

from jobs.cluster.connect import Devices, choose_devices, connected
from jobs.upscale.speed import fleet_precision, fleet_speed
from sr_core.archive.ledger.snapshot import Snapshot
from sr_core.archive.planning.estimate import Estimate
from sr_core.archive.planning.networks import mean_speed
from sr_core.archive.planning.outputs import native_megapixels
from sr_core.archive.planning.summary import PlanSummary, add_up
from sr_core.config import JobConfig
from sr_core.engine.prepare import OpenRun, decide_precision, open_run
from sr_core.engine.rounds import (
    FurtherImages,
    PlannedRound,
    pending_rounds,
    plan_round,
    put_plan,
)
from sr_core.models.catalogue import ASSUMED_SCALE


@dataclass(frozen=True, slots=True, eq=False)
class PlannedRun:
    """Rounds that a fleet would process. Nothing is written before `freeze`."""

    run: OpenRun
    devices: Devices
    actor_mp_per_s: float | None
    """Megapixels per second that the model makes in one actor; None if it was not measured."""
    rounds: tuple[PlannedRound, ...]

    @property
    def summary(self) -> PlanSummary:
        """Counts and sizes of all rounds together."""
        return add_up([each.summary for each in self.rounds])

    def estimate(self) -> Estimate:
        """Estimate time, bytes and money.

        Raises: ValueError if the speed was not measured.
        """
        if self.actor_mp_per_s is None:
            raise ValueError("the speed of the actors was not measured for this plan")
        return Estimate(
            source_uri=self.run.source.store.uri,
            model=self.run.job.run.model,
            summary=self.summary,
            device=self.devices.device,
            actors=self.devices.actors,
            actor_mp_per_s=self.actor_mp_per_s,
            left_out=self.run.left_out,
        )

    def freeze(self) -> bool:
        """Write the plans that the root does not hold yet.

        Returns:
            False if another driver froze one of the rounds before; then its plan is used.
        """
        plans = [each.plan for each in self.rounds if each.plan is not None]
        return all(put_plan(self.run, plan) for plan in plans)


Approve: TypeAlias = Callable[[PlannedRun], None]
"""Called with a plan and its speed before the plan is written; raises to refuse it."""


ChooseImages: TypeAlias = Callable[[OpenRun, Snapshot], FurtherImages]
"""Returns the manifest of a further round, such as the images that failed."""


class Planner:
    """Plans the rounds of a run for the machines that are there now, and writes nothing."""

    def __init__(self, run: OpenRun, devices: Devices, *, always_measure: bool) -> None:
        """Create a planner.

        Args:
            run: the run.
            devices: devices of its actors.
            always_measure: measure the speed for every plan, not only if the size of its shards
                depends on it; an estimate needs it.
        """
        self._run, self._devices, self._always_measure = run, devices, always_measure
        self._speed = cache(fleet_speed(run.job, devices))
        self._sizes_depend_on_speed = run.job.execution.shard_megapixels is None

    def first(self, manifest: pa.Table) -> PlannedRun:
        """Plan the first round over the manifest of the source."""
        return self._planned((self._round(manifest, 0),))

    def pending(self, state: Snapshot) -> PlannedRun:
        """Return the shards that are planned and not committed."""
        return self._planned(pending_rounds(self._run, state))

    def further(self, state: Snapshot, images: ChooseImages) -> PlannedRun | None:
        """Plan one more round; None if it would have no images."""
        chosen = images(self._run, state)
        if not len(chosen.manifest):
            return None
        return self._planned((self._round(chosen.manifest, len(state.rounds), chosen.taken_keys),))

    def measure(self) -> None:
        """Measure the speed now if a later plan needs it.

        Once a fleet runs, its actors hold the devices that measuring takes.
        """
        if self._always_measure or self._sizes_depend_on_speed:
            for scale in {each.scale for each in self._run.checkpoints} or {ASSUMED_SCALE}:
                self._speed(scale)

    def _round(
        self, manifest: pa.Table, round_index: int, taken_keys: Collection[str] = ()
    ) -> PlannedRound:
        run, actors = self._run, self._devices.actors

        def speed() -> float:
            return mean_speed(native_megapixels(manifest, run.job.run), self._speed)

        return PlannedRound.of(plan_round(run, manifest, round_index, actors, speed, taken_keys))

    def _planned(self, rounds: tuple[PlannedRound, ...]) -> PlannedRun:
        planned_here = any(each.plan is not None for each in rounds)
        measured = self._always_measure or (planned_here and self._sizes_depend_on_speed)
        made = add_up([each.summary for each in rounds]).megapixels_by_scale
        speed = mean_speed(made, self._speed) if measured else None
        return PlannedRun(self._run, self._devices, speed, rounds)


def with_precision(run: OpenRun, devices: Devices) -> OpenRun:
    """Return a run whose precision is decided, if need be by its machines."""
    if run.job.run.precision != "auto":
        return run
    return decide_precision(run, fleet_precision(run.job, devices))


def plan_run(job: JobConfig) -> PlannedRun:
    """Plan the work of `jobs.upscale.run.upscale` on a job, and measure the speed.

    Nothing is written. If the root holds the run already, only what is left of it is planned.

    Raises: ConfigurationError for a job that cannot run; RetryLaterError if something it needs is
        unavailable.
    """
    run, manifest = open_run(job)
    with connected(job.execution):
        devices = choose_devices(job.execution)
        planner = Planner(with_precision(run, devices), devices, always_measure=True)
        if manifest is not None:
            return planner.first(manifest)
        return planner.pending(run.ledger.snapshot())
