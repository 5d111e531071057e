"""Estimates of planned work: device time, wall time, bytes and money."""

from __future__ import annotations

from dataclasses import dataclass, field

from sr_core.archive.planning.summary import PlanSummary
from sr_core.records import LeftOut


@dataclass(frozen=True, slots=True)
class Estimate:
    """Planned work, shared by equal actors. Images of unknown size are left out."""

    source_uri: str
    model: str
    summary: PlanSummary
    device: str
    """cpu or cuda."""
    actors: int
    actor_mp_per_s: float
    """Megapixels per second that the model makes in one actor, as measured."""
    left_out: LeftOut = field(default_factory=LeftOut)
    """Files that patterns left out."""

    @property
    def device_s(self) -> float:
        """Seconds that one device alone would take."""
        return self.summary.native_megapixels / self.actor_mp_per_s

    @property
    def wall_s(self) -> float:
        """Seconds that all actors together would take."""
        return self.device_s / self.actors

    @property
    def output_bytes(self) -> int:
        """Bytes of all outputs."""
        return sum(self.summary.output_bytes.values())

    def price(self, per_hour: float) -> float:
        """Return the price of the work, given that of one device per hour."""
        return self.device_s / 3600 * per_hour
