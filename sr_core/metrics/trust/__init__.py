"""Measures of trust: faults of an output that its source gives away. Needs no torch."""

from sr_core.metrics.trust.measures import measure_trust
from sr_core.metrics.trust.worst import Worst

__all__ = ["Worst", "measure_trust"]
