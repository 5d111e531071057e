"""srfleet models: list models and their licences."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jobs.cli.options import JsonOption
from jobs.cli.terminal import answers

if TYPE_CHECKING:
    from rich.table import Table

    from jobs.models.listing import ListedModel

EXAMPLES = ("srfleet models", "srfleet models RealESRGAN_x4plus.pth --json")


def models(
    checkpoints: Annotated[
        list[Path] | None,
        typer.Argument(metavar="CHECKPOINT", help="Checkpoints to describe instead."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """List the shipped models, or describe checkpoints: scale, licence and purpose."""
    from jobs.cli.answers.models import ModelsAnswer
    from jobs.models.listing import list_models

    found = list_models(checkpoints or [])
    if json:
        answers().data(ModelsAnswer.of(found).json_text())
    else:
        answers().print(_table(found))


def _table(found: list[ListedModel]) -> Table:
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE, padding=(0, 1, 0, 0))
    for heading in ("model", "scale", "licence", "detail", "description"):
        table.add_column(heading, overflow="fold")
    for each in found:
        detail = {True: "invented", False: "measured", None: ""}[each.generative]
        cells = (each.name, f"x{each.scale}", each.licence or "not stated", detail)
        table.add_row(*map(Text, (*cells, each.description)))
    return table
