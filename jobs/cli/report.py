"""srfleet report: make the page of a run again, at any time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.audit import BaselineOption, RootsArgument, RulesOption
from jobs.cli.new_files import refuse_existing
from jobs.cli.sources import SourceOption, open_sources
from jobs.cli.terminal import answers
from sr_core.errors import ConfigurationError

EXAMPLES = (
    "srfleet report ./photos-x4",
    "srfleet report s3://archive/photos-x4 --rules strict.yaml --images 200 -o strict.html",
)

OutputOption = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        help="File of the page.",
        show_default="report.html in OUT",
    ),
]
ImagesOption = Annotated[
    int, typer.Option("--images", min=1, help="Most images on the contact sheet.")
]


def report(
    roots: RootsArgument,
    source: SourceOption = None,
    rules: RulesOption = None,
    baseline: BaselineOption = None,
    images: ImagesOption = 60,
    output: OutputOption = None,
) -> None:
    """Write the HTML report of one or more runs, with verdicts; it replaces an earlier report.

    Neither the source nor a finished run is needed: what is missing is left out and said.
    """
    from sr_core.archive.ledger.layout import REPORT_KEY
    from sr_core.archive.ledger.ledger import Ledger
    from sr_core.archive.storage import open_store
    from sr_core.audit.report.report import render_report
    from sr_core.audit.verdicts.audit import load_standard

    if len(roots) > 1 and (output is not None or source is not None):
        raise ConfigurationError("--output and --source are for one run; give one OUT with them")
    refuse_existing(output, "--output")
    standard = load_standard(rules, baseline or ())
    for root in roots:
        store = open_store(root)
        state = Ledger(store).snapshot()
        sources = open_sources(source or state.record.source_uri)
        page = render_report(
            store, source=sources, state=state, standard=standard, limit_images=images
        )
        if output is None:
            store.replace(REPORT_KEY, page)
        else:
            output.write_bytes(page)
        answers().say(f"report: {output or f'{store.uri}/{REPORT_KEY}'}")
