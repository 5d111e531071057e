"""Answers in JSON: one dataclass per command with --json, documented in docs/json.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, ClassVar

from jobs.cli.json_text import to_text
from sr_core.archive.source.skipped import failed_only, skipped_only
from sr_core.audit.verify.findings import Severity
from sr_core.records import Status

if TYPE_CHECKING:
    from jobs.models.export import Exported
    from jobs.models.listing import ListedModel
    from jobs.upscale.observer import RunOutcome
    from sr_core.archive.ledger.snapshot import Progress
    from sr_core.archive.planning.estimate import Estimate
    from sr_core.audit.lineage import Lineage, Step
    from sr_core.audit.verdicts.audit import Audit, Tally
    from sr_core.audit.verify.checks import Verification
    from sr_core.engine.replay import Replay
    from sr_core.errors import ErrorClass
    from sr_core.records import MetricsRow


@dataclass(frozen=True, slots=True)
class About:
    """The unit and meaning of a field; docs/json.md lists them."""

    unit: str
    meaning: str


RunId = Annotated[str, About("", "id of the run")]
Source = Annotated[str, About("", "URI of the source")]
Root = Annotated[str, About("", "URI of the output root")]
Model = Annotated[str, About("", "name of the model, or path of a checkpoint")]
Scale = Annotated[int, About("", "output pixels per input pixel along each side")]
Licence = Annotated[str | None, About("", "licence of the weights; null if not stated")]
RootHash = Annotated[
    str | None, About("", "hash over the whole run; null if version 0.1.0 closed it")
]
Images = Annotated[int, About("images", "images of the run")]
Statuses = Annotated[dict[str, int], About("images", "committed images by status")]
Salvaged = Annotated[int, About("images", "images with an output of which only a part was decoded")]
ErrorClasses = Annotated[dict[str, int], About("images", "failed images by error class")]
Skipped = Annotated[dict[str, int], About("files", "skipped files by class")]


@dataclass(frozen=True, slots=True)
class StatusAnswer:
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
            statuses=_every_status(progress.statuses),
            error_classes=_named(failed_only(progress.error_classes)),
            skipped=_named(skipped_only(progress.error_classes)),
            salvaged=progress.salvaged,
            last_commit_at=None if last is None else last.isoformat(),
        )


@dataclass(frozen=True, slots=True)
class FindingAnswer:
    """One of the `findings` of `srfleet verify --json`."""

    severity: Annotated[str, About("", "error: damage; warning: not finished yet; note: neither")]
    subject: Annotated[str, About("", "the object or image concerned")]
    message: Annotated[str, About("", "what is wrong")]
    kind: Annotated[str, About("", "the part of the run concerned, such as damaged output")]


@dataclass(frozen=True, slots=True)
class VerifyAnswer:
    """The answer of `srfleet verify --json`."""

    schema: ClassVar[str] = "srfleet.verify/1"
    root_uri: Root
    errors: Annotated[int, About("findings", "findings of damage")]
    warnings: Annotated[int, About("findings", "findings of unfinished work")]
    notes: Annotated[int, About("findings", "findings of neither")]
    findings: Annotated[list[FindingAnswer], About("", "all findings, see below")]
    run_id: Annotated[str | None, About("", "id of the run; null if run.json cannot be read")]
    root_hash: Annotated[
        str | None, About("", "hash over the whole run, recomputed; null if it has none")
    ]
    outputs: Annotated[int, About("objects", "outputs of the latest rows")]
    outputs_read: Annotated[int, About("objects", "outputs read again")]
    sources_read: Annotated[int, About("objects", "sources read again")]
    seed: Annotated[int | None, About("", "seed of the sample; null if all outputs were read")]
    signed_by: Annotated[
        str | None, About("", "fingerprint of --key if it signed the root hash, else null")
    ]

    @classmethod
    def of(
        cls, found: Verification, root_uri: str, seed: int | None, signed_by: str | None
    ) -> VerifyAnswer:
        """Make the answer from the verification of a run."""
        counts = Counter(each.severity for each in found.findings)
        return cls(
            root_uri=root_uri,
            errors=counts[Severity.ERROR],
            warnings=counts[Severity.WARNING],
            notes=counts[Severity.NOTE],
            findings=[
                FindingAnswer(each.severity, each.subject, each.message, each.kind)
                for each in found.findings
            ],
            run_id=None if found.run is None else found.run.run_id,
            root_hash=found.root_hash,
            outputs=found.outputs,
            outputs_read=found.outputs_read,
            sources_read=found.sources_read,
            seed=seed,
            signed_by=signed_by,
        )


@dataclass(frozen=True, slots=True)
class PlanAnswer:
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


@dataclass(frozen=True, slots=True)
class UpscaleAnswer:
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
            statuses=_every_status(outcome.statuses),
            error_classes=_named(failed_only(outcome.error_classes)),
            skipped=_named(skipped_only(outcome.error_classes)),
            verdicts=dict(outcome.verdicts),
            salvaged=outcome.salvaged,
            report_uri=outcome.report_uri,
            root_hash=outcome.root_hash,
        )


@dataclass(frozen=True, slots=True)
class ExportAnswer:
    """The answer of `srfleet export --json`."""

    schema: ClassVar[str] = "srfleet.export/1"
    file: Annotated[str, About("", "path of the ONNX file")]
    model: Annotated[str, About("", "name of the model")]
    scale: Scale
    licence: Licence
    checkpoint_sha256: Annotated[str, About("", "SHA-256 of the checkpoint's file")]
    size_bytes: Annotated[int, About("bytes", "size of the ONNX file")]
    largest_difference: Annotated[
        float | None,
        About("range of the image", "difference from torch; null without onnxruntime"),
    ]

    @classmethod
    def of(cls, found: Exported) -> ExportAnswer:
        """Make the answer from an export."""
        return cls(
            file=str(found.path),
            model=found.model,
            scale=found.scale,
            licence=found.licence,
            checkpoint_sha256=found.checkpoint_sha256,
            size_bytes=found.size_bytes,
            largest_difference=found.largest_difference,
        )


@dataclass(frozen=True, slots=True)
class ListedAnswer:
    """One of the `models` of `srfleet models --json`."""

    model: Model
    scale: Scale
    licence: Licence
    generative: Annotated[bool | None, About("", "true if it invents detail; null for checkpoints")]
    description: Annotated[str, About("", "purpose, or layout of the checkpoint")]


@dataclass(frozen=True, slots=True)
class ModelsAnswer:
    """The answer of `srfleet models --json`."""

    schema: ClassVar[str] = "srfleet.models/1"
    models: Annotated[list[ListedAnswer], About("", "one object for each network, see below")]

    @classmethod
    def of(cls, found: list[ListedModel]) -> ModelsAnswer:
        """Make the answer from a list of models."""
        return cls(
            [
                ListedAnswer(each.name, each.scale, each.licence, each.generative, each.description)
                for each in found
            ]
        )


@dataclass(frozen=True, slots=True)
class TallyAnswer:
    """Counts of verdicts in `srfleet audit --json`."""

    name: Annotated[str, About("", "name of the reason, folder or model")]
    passed: Annotated[int, About("images", "images that pass")]
    review: Annotated[int, About("images", "images to look at")]
    fail: Annotated[int, About("images", "images that fail")]

    @classmethod
    def of(cls, tally: Tally) -> TallyAnswer:
        """Make the answer from counts."""
        return cls(tally.name, tally.passed, tally.review, tally.fail)


@dataclass(frozen=True, slots=True)
class FlaggedAnswer:
    """One of the `flagged` images of `srfleet audit --json`."""

    key: Annotated[str, About("", "path of the source relative to the source root")]
    verdict: Annotated[str, About("", "review or fail")]
    reasons: Annotated[list[str], About("", "reasons, the worst first")]
    error_class: Annotated[str | None, About("", "error class of a failed image")]


@dataclass(frozen=True, slots=True)
class AuditedRunAnswer:
    """One of the `runs` of `srfleet audit --json`."""

    root_uri: Root
    run_id: RunId
    total: Annotated[TallyAnswer, About("", "all images with a verdict")]
    without_baseline: Annotated[int, About("images", "images of models without a baseline")]
    unmeasured: Annotated[list[str], About("", "metrics of the rules that no image has")]
    reasons: Annotated[list[TallyAnswer], About("", "images of each reason")]
    folders: Annotated[list[TallyAnswer], About("", "images of each folder at the top")]
    models: Annotated[list[TallyAnswer], About("", "images of each model; adopted ones name none")]
    flagged: Annotated[list[FlaggedAnswer], About("", "images that do not pass, the worst first")]

    @classmethod
    def of(cls, uri: str, audit: Audit, limit: int | None) -> AuditedRunAnswer:
        """Make the answer from the audit of a run, with at most `limit` images."""
        return cls(
            root_uri=uri,
            run_id=audit.record.run_id,
            total=TallyAnswer.of(audit.total),
            without_baseline=audit.without_baseline(),
            unmeasured=list(audit.judgement.unmeasured),
            reasons=[TallyAnswer.of(tally) for _, tally in audit.by_reason()],
            folders=[TallyAnswer.of(each) for each in audit.by_folder()],
            models=[TallyAnswer.of(each) for each in audit.by_model()],
            flagged=[
                FlaggedAnswer(
                    each.key,
                    each.verdict.label,
                    list(dict.fromkeys(reason.name for reason, _ in each.reasons)),
                    each.error_class,
                )
                for each in audit.flagged(limit)
            ],
        )


@dataclass(frozen=True, slots=True)
class AuditAnswer:
    """The answer of `srfleet audit --json`."""

    schema: ClassVar[str] = "srfleet.audit/1"
    rules: Annotated[str, About("", "name and version of the rules")]
    rules_sha256: Annotated[str, About("", "SHA-256 of the file of rules")]
    runs: Annotated[list[AuditedRunAnswer], About("", "one object for each run, see below")]

    @classmethod
    def of(cls, audits: Sequence[tuple[str, Audit]], limit: int | None) -> AuditAnswer:
        """Make the answer from the audits of runs by the same rules, named by their URIs."""
        rules = audits[0][1].rules
        listed = [AuditedRunAnswer.of(uri, audit, limit) for uri, audit in audits]
        return cls(f"{rules.name} {rules.version}", rules.sha256, listed)


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
class ExplainAnswer:
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


@dataclass(frozen=True, slots=True)
class ReplayAnswer:
    """The answer of `srfleet replay --json`."""

    schema: ClassVar[str] = "srfleet.replay/1"
    key: Annotated[str, About("", "key of the source")]
    output_key: Annotated[str | None, About("", "key of the output")]
    outcome: Annotated[
        str, About("", "bit-identical file, bit-identical pixels, within rounding, or different")
    ]
    largest_difference: Annotated[
        float | None, About("levels of 255", "largest difference; null if the sizes differ")
    ]
    tolerated_levels: Annotated[
        float,
        About("levels of 255", "explained by rounding, in all but 1 of 200 values"),
    ]
    model: Annotated[str, About("", "model that made the image again")]
    engine: Annotated[str | None, About("", "its engine; null for interpolation")]
    precision: Annotated[str | None, About("", "its precision; null for interpolation")]
    sha256: Annotated[str, About("", "SHA-256 of the file made again")]
    output_sha256: Annotated[str | None, About("", "SHA-256 of the output")]

    @classmethod
    def of(cls, made: Replay, row: MetricsRow) -> ReplayAnswer:
        """Make the answer from a replay and the row of its image."""
        return cls(
            key=row.key,
            output_key=row.output_key,
            outcome=str(made.outcome),
            largest_difference=made.largest_difference,
            tolerated_levels=made.tolerated_levels,
            model=made.model,
            engine=made.engine,
            precision=made.precision,
            sha256=made.sha256,
            output_sha256=row.output_sha256,
        )


Answer = (
    ReplayAnswer
    | AuditAnswer
    | ExplainAnswer
    | StatusAnswer
    | VerifyAnswer
    | PlanAnswer
    | UpscaleAnswer
    | ExportAnswer
    | ModelsAnswer
)


def answer_text(answer: Answer) -> str:
    """Write an answer as one JSON object, with its schema first."""
    named = {each.name: getattr(answer, each.name) for each in fields(answer)}
    return to_text({"schema": answer.schema} | named, indent=2)


def _every_status(statuses: Mapping[Status, int]) -> dict[str, int]:
    return {str(status): statuses.get(status, 0) for status in Status}


def _named(classes: Mapping[ErrorClass, int]) -> dict[str, int]:
    return {str(name): count for name, count in classes.items()}
