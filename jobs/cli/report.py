"""srfleet report: make the page of a run again, at any time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import unquote, urlsplit

import typer

from jobs.cli.audit import BaselineOption, RootsArgument, RulesOption
from jobs.cli.terminal import answers, notices
from sr_core.errors import ConfigurationError

if TYPE_CHECKING:
    from sr_core.archive.storage import Store

EXAMPLES = (
    "srfleet report ./photos-x4",
    "srfleet report s3://archive/photos-x4 --rules strict.yaml --images 200 -o strict.html",
)

SourceOption = Annotated[
    str | None,
    typer.Option(
        "--source", help="Place of the sources now.", show_default="as in run.json, if it exists"
    ),
]
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
    if output is not None and output.exists():
        raise ConfigurationError(f"{output} exists already; choose another file for --output")
    standard = load_standard(rules, baseline or ())
    for root in roots:
        store = open_store(root)
        state = Ledger(store).snapshot()
        sources = _open_source(source or state.record.source_uri)
        page = render_report(
            store, source=sources, state=state, standard=standard, limit_images=images
        )
        if output is None:
            store.replace(REPORT_KEY, page)
        else:
            output.write_bytes(page)
        answers().say(f"report: {output or f'{store.uri}/{REPORT_KEY}'}")


def _open_source(uri: str) -> Store | None:
    """Open the sources; None, with a notice, if the folder is gone."""
    from sr_core.archive.storage import open_store

    store = open_store(uri)
    if uri.startswith("s3://") or Path(unquote(urlsplit(store.uri).path)).is_dir():
        return store
    notices().say(f"the source {uri} is gone: the report shows outputs alone; --source names it")
    return None
