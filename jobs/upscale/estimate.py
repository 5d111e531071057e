"""Estimates: what a run would take on the devices that are there now."""

from __future__ import annotations

from dataclasses import dataclass

from jobs.cluster.connect import Devices, choose_devices, connected
from jobs.upscale.speed import fleet_speed
from sr_core.archive.planning.plan import make_plan
from sr_core.archive.planning.summary import PlanSummary
from sr_core.archive.source.opening import open_source
from sr_core.archive.storage import open_store
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
    source = open_source(job.source, leave_out=[open_store(job.output).uri])
    summary = make_plan(
        source.table(),
        run=job.run,
        shard_megapixels=job.execution.shard_megapixels or float("inf"),
        shard_images=job.execution.shard_images,
    ).summary
    with connected(job.execution):
        devices = choose_devices(job.execution)
        speed = fleet_speed(job, devices)()
    return Estimate(source.store.uri, job.run.model, summary, devices, speed)
