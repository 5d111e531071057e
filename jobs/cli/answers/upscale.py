"""The answer of srfleet upscale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from jobs.cli.answers.answer import (
    About,
    Answer,
    ErrorClasses,
    Images,
    Root,
    RootHash,
    RunId,
    Salvaged,
    Skipped,
    Statuses,
    by_name,
    every_status,
)
from sr_core.archive.source.skipped import failed_only, skipped_only

if TYPE_CHECKING:
    from jobs.upscale.observer import RunOutcome


@dataclass(frozen=True, slots=True)
class UpscaleAnswer(Answer):
    """The answer of `srfleet upscale --json`, when every planned round is done."""

    schema: ClassVar[str] = "srfleet.upscale/1"
    run_id: RunId
    root_uri: Root
    images: Images
    statuses: Statuses
    error_classes: ErrorClasses
    skipped: Skipped
    verdicts: Annotated[dict[str, int], About("images", "images by verdict, by the shipped rules")]
    salvaged: Salvaged
    sidecars: Annotated[int, About("files", "copies of sidecars in the outputs")]
    report_uri: Annotated[
        str | None, About("", "URI of the HTML report; null if it was written before")
    ]
    root_hash: RootHash

    @classmethod
    def of(cls, outcome: RunOutcome) -> UpscaleAnswer:
        """Make the answer from the outcome of a run."""
        return cls(
            run_id=outcome.run_id,
            root_uri=outcome.root_uri,
            images=outcome.images,
            statuses=every_status(outcome.statuses),
            error_classes=by_name(failed_only(outcome.error_classes)),
            skipped=by_name(skipped_only(outcome.error_classes)),
            verdicts=dict(outcome.verdicts),
            salvaged=outcome.salvaged,
            sidecars=outcome.sidecars,
            report_uri=outcome.report_uri,
            root_hash=outcome.root_hash,
        )
