"""Estimates: what a run would take on the devices that are there now."""

from __future__ import annotations

from dataclasses import dataclass

from jobs.cluster.connect import Devices
from jobs.upscale.plan import plan_run
from sr_core.archive.planning.summary import PlanSummary
from sr_core.config import JobConfig


@dataclass(frozen=True, slots=True)
class Estimate:
    """The size of a run, and the measured speed of the devices it would have."""

    source_uri: str
    model: str
    summary: PlanSummary
    devices: Devices
    actor_mp_per_s: float
    """Output megapixels per second of one actor."""

    @property
    def device_s(self) -> float:
        """Seconds that one device alone would take."""
        return self.summary.native_megapixels / self.actor_mp_per_s

    @property
    def wall_s(self) -> float:
        """Seconds that all actors together would take."""
        return self.device_s / self.devices.actors

    def price(self, per_hour: float) -> float:
        """Return the price of the run, given that of a device per hour."""
        return self.device_s / 3600 * per_hour


def estimate(job: JobConfig) -> Estimate:
    """Plan a run and measure the speed of an actor, without writing anything.

    Raises: ConfigurationError for a job that cannot run; RetryLaterError if something it needs is
        unavailable.
    """
    planned = plan_run(job)
    found = planned.estimate()
    return Estimate(
        planned.run.source.store.uri,
        job.run.model,
        found.summary,
        planned.devices,
        found.device_mp_per_s,
    )
