"""Estimates of planned work: device time, wall time, bytes and money."""

from __future__ import annotations

from dataclasses import dataclass

from sr_core.archive.planning.summary import PlanSummary


@dataclass(frozen=True, slots=True)
class Estimate:
    """What planned work takes on equal devices. Images of unknown size are left out."""

    summary: PlanSummary
    devices: int
    """Devices that work at the same time."""
    device_mp_per_s: float
    """Megapixels per second that the model makes on one of them."""

    @property
    def device_s(self) -> float:
        """Seconds that one device alone would take."""
        return self.summary.native_megapixels / self.device_mp_per_s

    @property
    def wall_s(self) -> float:
        """Seconds that all devices together would take."""
        return self.device_s / self.devices

    @property
    def output_bytes(self) -> int:
        """Bytes of all outputs."""
        return sum(self.summary.output_bytes.values())

    def price(self, per_hour: float) -> float:
        """Return the price of the work, given that of one device per hour."""
        return self.device_s / 3600 * per_hour
