"""A finding: a problem in a run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """ERROR: the run is damaged. WARNING: the run is not finished."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem found in a run: the object or image it concerns and what is wrong."""

    severity: Severity
    subject: str
    message: str


def broken(subject: str, message: str) -> Finding:
    """Make a finding of damage."""
    return Finding(Severity.ERROR, subject, message)


def unfinished(subject: str, message: str) -> Finding:
    """Make a finding of something that is not done yet."""
    return Finding(Severity.WARNING, subject, message)
