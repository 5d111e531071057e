"""The answer of srfleet status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from jobs.cli.answers.answer import (
    About,
    Answer,
    ErrorClasses,
    Images,
    Model,
    Root,
    RunId,
    Salvaged,
    Skipped,
    Source,
    Statuses,
    by_name,
    every_status,
)
from sr_core.archive.source.skipped import failed_only, skipped_only

if TYPE_CHECKING:
    from sr_core.archive.ledger.snapshot import Progress


@dataclass(frozen=True, slots=True)
class StatusAnswer(Answer):
    """The answer of `srfleet status --json`."""

    schema: ClassVar[str] = "srfleet.status/1"
    run_id: RunId
    source_uri: Source
    root_uri: Root
    model: Model
    finished: Annotated[bool, About("", "true if every round is closed")]
    rounds: Annotated[int, About("rounds", "rounds with a plan")]
    shards: Annotated[int, About("shards", "shards of all rounds")]
    shards_done: Annotated[int, About("shards", "committed shards")]
    images: Images
    images_done: Annotated[int, About("images", "images in committed shards")]
    output_megapixels: Annotated[float, About("MP", "planned output")]
    output_megapixels_done: Annotated[float, About("MP", "output in committed shards")]
    statuses: Statuses
    error_classes: ErrorClasses
    skipped: Skipped
    salvaged: Salvaged
    last_commit_at: Annotated[
        str | None, About("ISO 8601, UTC", "time of the newest commit; null before the first")
    ]

    @classmethod
    def of(cls, progress: Progress, root_uri: str) -> StatusAnswer:
        """Make the answer from the progress of a run."""
        last = progress.last_commit_at
        return cls(
            run_id=progress.run.run_id,
            source_uri=progress.run.source_uri,
            root_uri=root_uri,
            model=str(progress.run.config["model"]),
            finished=progress.finished,
            rounds=progress.rounds,
            shards=progress.shards,
            shards_done=progress.shards_done,
            images=progress.images,
            images_done=progress.images_done,
            output_megapixels=progress.megapixels,
            output_megapixels_done=progress.megapixels - progress.megapixels_left,
            statuses=every_status(progress.statuses),
            error_classes=by_name(failed_only(progress.error_classes)),
            skipped=by_name(skipped_only(progress.error_classes)),
            salvaged=progress.salvaged,
            last_commit_at=None if last is None else last.isoformat(),
        )
