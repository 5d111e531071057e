"""The command line: one file per command, assembled here."""

from __future__ import annotations

import typer

from jobs.cli import (
    audit,
    baseline,
    demo,
    doctor,
    evaluate,
    explain,
    export,
    manifest,
    models,
    plan,
    quantize,
    repair,
    replay,
    report,
    sign,
    sql,
    status,
    train,
    upscale,
    verify,
)
from jobs.cli.help import Command
from jobs.cli.terminal import run

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Upscale whole photo archives 2 or 4 times, with a table of quality metrics.\n\n"
    "Exit codes: 0 done; 1 a bug in srfleet; 2 bad usage or configuration; 3 done, but some "
    "images failed; 4 a verdict fails --fail-on; 5 verify found damage; 75 not finished, the same "
    "command resumes.",
)

for command, examples in (
    (upscale.upscale, upscale.EXAMPLES),
    (manifest.manifest, manifest.EXAMPLES),
    (plan.plan, plan.EXAMPLES),
    (status.status, status.EXAMPLES),
    (verify.verify, verify.EXAMPLES),
    (sign.sign, sign.EXAMPLES),
    (explain.explain, explain.EXAMPLES),
    (replay.replay, replay.EXAMPLES),
    (repair.repair, repair.EXAMPLES),
    (audit.audit, audit.EXAMPLES),
    (baseline.baseline, baseline.EXAMPLES),
    (report.report, report.EXAMPLES),
    (sql.sql, sql.EXAMPLES),
    (doctor.doctor, doctor.EXAMPLES),
    (demo.demo, demo.EXAMPLES),
    (models.models, models.EXAMPLES),
    (evaluate.evaluate, evaluate.EXAMPLES),
    (train.train, train.EXAMPLES),
    (quantize.quantize, quantize.EXAMPLES),
    (export.export, export.EXAMPLES),
):
    app.command(cls=Command, epilog="\n\n".join(examples))(command)


def main() -> None:
    """Run the command line of this process."""
    run(app)
