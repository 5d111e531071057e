"""srfleet audit: a verdict for each image of a run, from its storage alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jobs.cli.acceptance import certify_decisions, draw_review
from jobs.cli.exit_codes import ExitCode
from jobs.cli.new_files import refuse_existing
from jobs.cli.options import JsonOption
from jobs.cli.sources import SourceOption
from jobs.cli.terminal import answers
from sr_core.errors import ConfigurationError

if TYPE_CHECKING:
    from sr_core.audit.verdicts.audit import Audit, Tally

EXAMPLES = (
    "srfleet audit ./photos-x4",
    "srfleet audit s3://archive/photos-x4 --fail-on review --json",
    "srfleet audit ./photos-x4 --accept --max-defects 1% --confidence 95%",
)


_LISTED = 50
"""Images listed for each run unless --limit says otherwise."""


class FailOn(StrEnum):
    """Verdict that fails the gate of a command."""

    REVIEW = "review"
    FAIL = "fail"


RootsArgument = Annotated[
    list[str], typer.Argument(metavar="OUT...", help="Folders or s3:// prefixes of runs.")
]
RulesOption = Annotated[
    Path | None,
    typer.Option("--rules", metavar="FILE", help="YAML rules.", show_default="those of srfleet"),
]
BaselineOption = Annotated[
    list[Path] | None,
    typer.Option("--baseline", metavar="FILE", help="Baseline of another checkpoint."),
]
FailOnOption = Annotated[
    FailOn | None,
    typer.Option("--fail-on", help="Exit with 4 if an image has this verdict or a worse one."),
]
LimitOption = Annotated[
    int | None,
    typer.Option(
        "--limit",
        min=0,
        help="Most images to list for each run.",
        show_default=f"{_LISTED}; all with --json",
    ),
]
TableOption = Annotated[
    Path | None,
    typer.Option("--table", metavar="FILE", help="Write the verdict on every image to a Parquet."),
]
AcceptOption = Annotated[
    bool, typer.Option("--accept", help="Draw a sample and write a page to decide about it.")
]
MaxDefectsOption = Annotated[
    str, typer.Option("--max-defects", metavar="SHARE", help="Share of defects to accept.")
]
ConfidenceOption = Annotated[
    str, typer.Option("--confidence", metavar="SHARE", help="Confidence of the acceptance.")
]
SeedOption = Annotated[
    int | None,
    typer.Option(
        "--seed",
        help="Seed of the sample.",
        show_default="a random one",
    ),
]
DecisionsOption = Annotated[
    Path | None,
    typer.Option("--decisions", metavar="FILE", help="Certify the decisions saved by the page."),
]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", metavar="FILE", help="New file for the page or the certificate (JSON)."
    ),
]


def audit(
    roots: RootsArgument,
    rules: RulesOption = None,
    baseline: BaselineOption = None,
    fail_on: FailOnOption = None,
    limit: LimitOption = None,
    table: TableOption = None,
    json: JsonOption = False,
    accept: AcceptOption = False,
    max_defects: MaxDefectsOption = "1%",
    confidence: ConfidenceOption = "95%",
    seed: SeedOption = None,
    source: SourceOption = None,
    decisions: DecisionsOption = None,
    output: OutputOption = None,
) -> None:
    """Judge every image of one or more runs: pass, review or fail, with reasons.

    With --accept, draw a sample for a person to look at; with --decisions, certify the outcome.

    Exit codes: 0 judged or accepted; 4 the gate of --fail-on or the acceptance failed.
    """
    from jobs.cli.answers.audit import AuditAnswer
    from sr_core.archive.storage import open_store
    from sr_core.audit.verdicts.audit import audit_run, load_standard

    standard = load_standard(rules, baseline or ())
    if accept or decisions is not None:
        if len(roots) > 1:
            raise ConfigurationError("an acceptance is for one run; give one OUT")
        store = open_store(roots[0])
        raise typer.Exit(
            certify_decisions(store, standard, decisions, certificate=output)
            if decisions is not None
            else draw_review(
                store,
                standard,
                max_defects=max_defects,
                confidence=confidence,
                seed=seed,
                source=source,
                page=output,
            )
        )
    refuse_existing(table, "--table")
    stores = [open_store(root) for root in roots]
    audits = [(store.uri, audit_run(store, standard)) for store in stores]
    if json:
        answers().data(AuditAnswer.of(audits, limit).json_text())
    else:
        for uri, found in audits:
            for line in _lines(uri, found, _LISTED if limit is None else limit):
                answers().say(line)
    if table is not None:
        _write_table(table, audits)
    failed = any(is_failed_by(found.total.by_verdict, fail_on) for _, found in audits)
    raise typer.Exit(ExitCode.GATE if failed else ExitCode.DONE)


def is_failed_by(verdicts: Mapping[str, int], fail_on: FailOn | None) -> bool:
    """Return True if an image has the verdict of --fail-on or a worse one."""
    counts = {FailOn.FAIL: verdicts["fail"], FailOn.REVIEW: verdicts["fail"] + verdicts["review"]}
    return fail_on is not None and counts[fail_on] > 0


def describe_verdicts(verdicts: Mapping[str, int]) -> str:
    """Describe counts by verdict in a few words."""
    return ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items())


def _lines(uri: str, audit: Audit, limit: int) -> Iterator[str]:
    total = audit.total
    yield f"{uri}: {describe_verdicts(total.by_verdict)}; rules {audit.rules.title}"
    unknown = audit.without_baseline()
    if unknown:
        yield (
            f"{unknown} images are of models without a baseline, so only limits in numbers judged "
            "them; `srfleet baseline` makes one"
        )
    if audit.judgement.unmeasured:
        yield f"not judged, since no image has a value: {', '.join(audit.judgement.unmeasured)}"
    for reason, tally in audit.by_reason():
        yield f"  {reason.name}: {_counts(tally)} ({reason.meaning})"
    for title, tallies in (("folder", audit.by_folder()), ("model", audit.by_model())):
        if len(tallies) > 1:
            for tally in (each for each in tallies if each.review or each.fail):
                yield f"  {title} {tally.name or '(none)'}: {describe_verdicts(tally.by_verdict)}"
    for each in audit.flagged(limit):
        reasons = ", ".join(dict.fromkeys(reason.name for reason, _ in each.reasons))
        error = f" ({each.error_class})" if each.error_class else ""
        yield f"{each.verdict.label:6}  {each.key}: {reasons}{error}"
    left = total.review + total.fail - limit
    if left > 0:
        yield f"and {left} more: --limit lists more, --table writes all to a file"


def _counts(tally: Tally) -> str:
    named = ((tally.fail, "fail"), (tally.review, "review"))
    return ", ".join(f"{count} {name}" for count, name in named if count)


def _write_table(path: Path, audits: Sequence[tuple[str, Audit]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from sr_core.audit.verdicts.audit import verdict_table

    tables = []
    for uri, found in audits:
        verdicts = verdict_table(found)
        tables.append(verdicts.add_column(0, "root_uri", pa.array([uri] * verdicts.num_rows)))
    pq.write_table(pa.concat_tables(tables), path)
