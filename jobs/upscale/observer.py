"""Events of a run, and the observer that receives them: a terminal, a log, a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from sr_core.archive.source.changes import Change
from sr_core.errors import ErrorClass
from sr_core.records import ShardResult, Status


@dataclass(frozen=True, slots=True)
class RunOpened:
    """The run was found on its root, or is about to begin there."""

    run_id: str
    source_uri: str
    root_uri: str


@dataclass(frozen=True, slots=True)
class FilesLeftOut:
    """Patterns left files out of a run that begins; `unmatched` patterns match no file."""

    excluded: int
    not_included: int
    unmatched: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SourceChanged:
    """Files of the source are new, changed or gone since they were planned."""

    change: Change
    count: int
    first_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RoundPlanned:
    """A round was planned and its plan frozen, by this driver or by another one."""

    round_index: int
    shards: int
    images: int


@dataclass(frozen=True, slots=True)
class RoundNotNeeded:
    """A further round was requested, but has no images."""

    reason: str


@dataclass(frozen=True, slots=True)
class RoundBegun:
    """Shards of a round are about to be handed out. Images and megapixels count the whole run."""

    round_index: int
    shards_left: int
    images: int
    images_done: int
    megapixels_left: float


@dataclass(frozen=True, slots=True)
class RoundFinished:
    """Every shard of a round is committed."""

    round_index: int


@dataclass(frozen=True, slots=True)
class ShardCommitted:
    """A shard has its metrics part."""

    result: ShardResult


@dataclass(frozen=True, slots=True)
class ImagesFailed:
    """Images of a committed shard failed; the counts are by error class."""

    round_index: int
    shard: int
    error_classes: Mapping[ErrorClass, int]


@dataclass(frozen=True, slots=True)
class ActorStarted:
    """An actor has loaded its upscaler. `replacement` is True if it replaces a lost one."""

    host: str
    pid: int
    device: str
    start_s: float
    replacement: bool


@dataclass(frozen=True, slots=True)
class ActorLost:
    """An actor died or cannot be reached; its shards go back to the queue."""

    host: str
    shards: int
    reason: str


@dataclass(frozen=True, slots=True)
class ActorNotStarted:
    """An actor could not start. `place_given_up`: the fleet continues with one fewer."""

    reason: str
    place_given_up: bool


@dataclass(frozen=True, slots=True)
class ShardIsolated:
    """A shard killed its actor too often; its images are processed one by one."""

    round_index: int
    shard: int
    deaths: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing new is started for some seconds; `reason` says why."""

    reason: str
    pause_s: float


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning for the user; the run continues."""

    message: str


RunEvent: TypeAlias = (
    RunOpened
    | FilesLeftOut
    | SourceChanged
    | RoundPlanned
    | RoundNotNeeded
    | RoundBegun
    | RoundFinished
    | ShardCommitted
    | ImagesFailed
    | ActorStarted
    | ActorLost
    | ActorNotStarted
    | ShardIsolated
    | Waiting
    | Warned
)


class RunObserver(Protocol):
    """Receives the events of a run, in order, from the driver's thread.

    If an observer raises, the run ends; the next start resumes it.
    """

    def observe(self, event: RunEvent) -> None:
        """Receive an event."""


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """The state of a run after its driver finished every planned round."""

    run_id: str
    root_uri: str
    images: int
    statuses: Mapping[Status, int]
    error_classes: Mapping[ErrorClass, int]
    verdicts: Mapping[str, int]
    """Number of images by verdict (pass, review, fail), by the shipped rules."""
    salvaged: int
    """Images with an output of which only a part was decoded."""
    sidecars: int
    """Copies of sidecars."""
    report_uri: str | None
    """None if no report was written."""
    root_hash: str | None
    """Hash over the whole run; None for a run that version 0.1.0 closed."""

    @property
    def images_failed(self) -> int:
        """Number of images whose latest row is failed."""
        return self.statuses.get(Status.FAILED, 0)
