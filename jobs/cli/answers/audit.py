"""The answer of srfleet audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from jobs.cli.answers.answer import About, Answer, Root, RunId

if TYPE_CHECKING:
    from sr_core.audit.verdicts.audit import Audit, Tally


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
class AuditAnswer(Answer):
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
