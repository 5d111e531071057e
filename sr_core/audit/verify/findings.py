"""A finding: one thing that is not as it must be, or not yet."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """ERROR: a promise of the run is broken. WARNING: the run is not finished."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with which object or image of a run."""

    severity: Severity
    subject: str
    message: str


def broken(subject: str, message: str) -> Finding:
    """Make a finding of a broken promise."""
    return Finding(Severity.ERROR, subject, message)


def unfinished(subject: str, message: str) -> Finding:
    """Make a finding of what is still to be done."""
    return Finding(Severity.WARNING, subject, message)
