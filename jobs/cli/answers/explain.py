"""The answer of srfleet explain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from jobs.cli.answers.answer import About, Answer, Root, RootHash, RunId, Source

if TYPE_CHECKING:
    from sr_core.audit.lineage import Lineage, Step


@dataclass(frozen=True, slots=True)
class ExplainedRound:
    """One of the `rounds` of `srfleet explain --json`."""

    round: Annotated[int, About("", "number of the round")]
    shard: Annotated[int, About("", "number of the shard in its round")]
    part: Annotated[str, About("", "key of the metrics part")]
    part_sha256: Annotated[str | None, About("", "SHA-256 of the part; null before its commit")]
    is_covered: Annotated[bool, About("", "true if the root hash of the round covers the part")]
    root_hash: Annotated[str | None, About("", "root hash of the round; null if it has none")]
    status: Annotated[str | None, About("", "as in the row; null before its commit")]
    error_class: Annotated[str | None, About("", "as in the row")]
    error_message: Annotated[str | None, About("", "as in the row")]
    attempt: Annotated[str | None, About("", "attempt that committed the row")]
    finished_at: Annotated[str | None, About("ISO 8601, UTC", "time of the row")]
    adopted: Annotated[bool, About("", "true if an earlier attempt wrote the output")]
    source_uri: Annotated[str | None, About("", "address of the source")]
    source_sha256: Annotated[str | None, About("", "SHA-256 of the source")]
    output_key: Annotated[str | None, About("", "key of the output")]
    output_sha256: Annotated[str | None, About("", "SHA-256 of the output")]
    models: Annotated[list[str], About("", "models that made it; empty if adopted or not made")]
    weights_sha256: Annotated[list[str], About("", "SHA-256 of their weights")]
    licences: Annotated[list[str], About("", "licences of their weights, where known")]
    engine: Annotated[str | None, About("", "as in the row")]
    precision: Annotated[str | None, About("", "as in the row")]
    device: Annotated[str | None, About("", "as in the row")]
    warnings: Annotated[list[str], About("", "as in the row")]
    versions: Annotated[dict[str, str], About("", "versions that computed the part, by package")]

    @classmethod
    def of(cls, step: Step) -> ExplainedRound:
        """Make the object from a round of an image."""
        row = step.row
        names = (
            *("error_message", "attempt", "source_uri", "source_sha256", "output_key"),
            *("output_sha256", "engine", "precision", "device"),
        )
        values = {name: None if row is None else getattr(row, name) for name in names}
        return cls(
            round=step.round_index,
            shard=step.planned.shard,
            part=step.part,
            part_sha256=step.part_sha256,
            is_covered=step.is_covered,
            root_hash=step.root_hash,
            status=None if row is None else str(row.status),
            error_class=None if row is None or row.error_class is None else str(row.error_class),
            finished_at=(
                None if row is None or row.finished_at is None else row.finished_at.isoformat()
            ),
            adopted=row is not None and row.adopted,
            models=[each.model for each in step.weights],
            weights_sha256=[each.sha256 for each in step.weights if each.sha256 is not None],
            licences=[each.licence for each in step.weights if each.licence is not None],
            warnings=[] if row is None else list(row.warnings),
            versions=dict(step.versions),
            **values,
        )


@dataclass(frozen=True, slots=True)
class ExplainAnswer(Answer):
    """The answer of `srfleet explain --json`."""

    schema: ClassVar[str] = "srfleet.explain/1"
    run_id: RunId
    root_uri: Root
    source_uri: Source
    image_id: Annotated[str, About("", "id of the image")]
    key: Annotated[str, About("", "key of its source")]
    manifest_digest: Annotated[str, About("", "digest of the manifest that names it")]
    rounds: Annotated[list[ExplainedRound], About("", "its rounds; the last one counts, see below")]
    root_hash: RootHash

    @classmethod
    def of(cls, found: Lineage, root_uri: str) -> ExplainAnswer:
        """Make the answer from the lineage of an image."""
        return cls(
            run_id=found.run.run_id,
            root_uri=root_uri,
            source_uri=found.run.source_uri,
            image_id=found.image_id,
            key=found.key,
            manifest_digest=found.run.manifest_digest,
            rounds=[ExplainedRound.of(each) for each in found.steps],
            root_hash=found.root_hash,
        )
