"""srfleet verify: check a run again, from its storage alone."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from jobs.cli.exit_codes import ExitCode
from jobs.cli.options import JsonOption, RootArgument
from jobs.cli.terminal import answers
from sr_core.audit.verify.findings import Finding, Severity
from sr_core.errors import ConfigurationError

EXAMPLES = ("srfleet verify ./photos-x4", "srfleet verify s3://archive/photos-x4 > findings.txt")


def verify(root: RootArgument, json: JsonOption = False) -> None:
    """Check every count and checksum of the run in OUT again.

    Exit codes: 0 everything is right; 5 something is damaged; 75 nothing is damaged, but the run is
    not finished.
    """
    from jobs.cli.answers import VerifyAnswer, answer_text
    from sr_core.archive.ledger.ledger import Ledger
    from sr_core.archive.storage import open_store
    from sr_core.audit.verify.checks import verify_run

    store = open_store(root)
    if Ledger(store).run() is None:
        raise ConfigurationError(f"{store.uri} holds no run: it has no run.json")
    findings = verify_run(store)
    if json:
        answers().data(answer_text(VerifyAnswer.of(findings, store.uri)))
    else:
        for finding in findings:
            answers().say(f"{finding.severity}: {finding.subject}: {finding.message}")
        answers().say(f"{len(findings)} findings" if findings else "everything is as it should be")
    raise typer.Exit(_exit_code(findings))


def _exit_code(findings: Sequence[Finding]) -> ExitCode:
    if any(finding.severity is Severity.ERROR for finding in findings):
        return ExitCode.DAMAGE
    return ExitCode.TRY_AGAIN if findings else ExitCode.DONE
