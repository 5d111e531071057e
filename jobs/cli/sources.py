"""The sources of a finished run, which may have moved or gone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import unquote, urlsplit

import typer

from jobs.cli.terminal import notices

if TYPE_CHECKING:
    from sr_core.archive.storage import Store

SourceOption = Annotated[
    str | None,
    typer.Option(
        "--source", help="Place of the sources now.", show_default="as in run.json, if it exists"
    ),
]


def open_sources(uri: str) -> Store | None:
    """Open the sources of a run; None, with a notice, if the folder is gone."""
    from sr_core.archive.storage import open_store

    store = open_store(uri)
    if uri.startswith("s3://") or Path(unquote(urlsplit(store.uri).path)).is_dir():
        return store
    notices().say(f"the source {uri} is gone: outputs are shown alone; --source names it")
    return None
