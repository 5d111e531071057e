"""The answer of srfleet verify."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from jobs.cli.answers.answer import About, Answer, Root
from sr_core.audit.verify.findings import Severity

if TYPE_CHECKING:
    from sr_core.audit.verify.checks import Verification


@dataclass(frozen=True, slots=True)
class FindingAnswer:
    """One of the `findings` of `srfleet verify --json`."""

    severity: Annotated[str, About("", "error: damage; warning: not finished yet; note: neither")]
    subject: Annotated[str, About("", "the object or image concerned")]
    message: Annotated[str, About("", "what is wrong")]
    kind: Annotated[str, About("", "the part of the run concerned, such as damaged output")]


@dataclass(frozen=True, slots=True)
class VerifyAnswer(Answer):
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
