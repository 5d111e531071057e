"""A finding: a problem in a run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """ERROR: the run is damaged. WARNING: it is not finished. NOTE: neither, but worth a look."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Kind(StrEnum):
    """The part of a run that a finding is about."""

    RUN = "run record"
    CLOSING_RECORD = "closing record"
    DIGEST = "digest"
    SIGNATURE = "signature"
    PLAN = "plan"
    PART = "metrics part"
    MISSING_ROW = "missing row"
    ROW = "row"
    MISSING_OUTPUT = "missing output"
    DAMAGED_OUTPUT = "damaged output"
    SOURCE = "source"
    LINK = "link"
    FOREIGN = "foreign object"
    LEFTOVER = "leftover"
    UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem found in a run: the object or image it concerns and what is wrong."""

    severity: Severity
    subject: str
    """Key of the object, or of the image's source."""
    message: str
    kind: Kind
    image_id: str | None = None
    """Image of a missing or damaged output."""


def broken(kind: Kind, subject: str, message: str, image_id: str | None = None) -> Finding:
    """Make a finding of damage."""
    return Finding(Severity.ERROR, subject, message, kind, image_id)


def unfinished(subject: str, message: str) -> Finding:
    """Make a finding of something that is not done yet."""
    return Finding(Severity.WARNING, subject, message, Kind.UNFINISHED)


def noted(kind: Kind, subject: str, message: str) -> Finding:
    """Make a finding of something that is no damage."""
    return Finding(Severity.NOTE, subject, message, kind)
