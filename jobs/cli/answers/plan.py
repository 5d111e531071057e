"""The answer of srfleet plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from jobs.cli.answers.answer import About, Answer, Model, Skipped, Source

if TYPE_CHECKING:
    from sr_core.archive.planning.estimate import Estimate


@dataclass(frozen=True, slots=True)
class PlanAnswer(Answer):
    """The answer of `srfleet plan --json`."""

    schema: ClassVar[str] = "srfleet.plan/1"
    source_uri: Source
    model: Model
    files: Annotated[int, About("files", "files of the source, or left of a run")]
    images: Annotated[int, About("images", "files that can be upscaled")]
    unprobed: Annotated[int, About("images", "images of unknown size, in no sum below")]
    duplicates: Annotated[int, About("files", "files that a table names again")]
    refused: Annotated[dict[str, int], About("files", "refused files by error class")]
    skipped: Skipped
    sidecars: Annotated[int, About("files", "copies of sidecars that will be made")]
    left_out: Annotated[int, About("files", "files left out by patterns; not among the files")]
    source_megapixels: Annotated[float, About("MP", "pixels of the sources")]
    native_megapixels: Annotated[float, About("MP", "pixels that the model makes")]
    output_megapixels: Annotated[float, About("MP", "pixels of the outputs")]
    output_bytes: Annotated[dict[str, int], About("bytes", "estimated outputs by format")]
    device: Annotated[str, About("", "cpu or cuda")]
    actors: Annotated[int, About("actors", "actors that fit")]
    actor_mp_per_s: Annotated[float, About("MP/s", "measured speed of one actor")]
    device_s: Annotated[float, About("s", "time that one device alone would take")]
    wall_s: Annotated[float, About("s", "time that all actors would take")]
    price: Annotated[float | None, About("as given", "price; null without --price-per-hour")]
    renamed: Annotated[int, About("images", "outputs renamed to keep names apart")]
    first_renamed: Annotated[list[str], About("", "keys of the first of them")]
    over_limit: Annotated[int, About("files", "files refused for their size")]
    first_over_limit: Annotated[list[str], About("", "keys of the first of them")]

    @classmethod
    def of(cls, found: Estimate, price_per_hour: float | None) -> PlanAnswer:
        """Make the answer from an estimate."""
        summary = found.summary
        return cls(
            source_uri=found.source_uri,
            model=found.model,
            files=summary.rows,
            images=summary.images,
            unprobed=summary.unprobed,
            duplicates=summary.duplicates,
            refused=dict(summary.failed),
            skipped=dict(summary.skipped),
            sidecars=summary.sidecars,
            left_out=found.left_out.files,
            source_megapixels=summary.source_megapixels,
            native_megapixels=summary.native_megapixels,
            output_megapixels=summary.output_megapixels,
            output_bytes=dict(summary.output_bytes),
            device=found.device,
            actors=found.actors,
            actor_mp_per_s=found.actor_mp_per_s,
            device_s=found.device_s,
            wall_s=found.wall_s,
            price=None if price_per_hour is None else found.price(price_per_hour),
            renamed=summary.renamed,
            first_renamed=list(summary.first_renamed),
            over_limit=summary.over_limit,
            first_over_limit=list(summary.first_over_limit),
        )
