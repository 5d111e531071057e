"""srfleet doctor: check a machine."""

from __future__ import annotations

from typing import Annotated

import typer

from jobs.cli.exit_codes import ExitCode
from jobs.cli.options import AddressOption
from jobs.cli.terminal import answers

EXAMPLES = ("srfleet doctor", "srfleet doctor s3://archive/photos-x4 --address auto")


def doctor(
    root: Annotated[
        str | None, typer.Argument(metavar="OUT", help="Folder or s3:// prefix to check as well.")
    ] = None,
    address: AddressOption = None,
) -> None:
    """Check that this machine can upscale, and write to OUT.

    Exit codes: 0 everything works; 2 something has to be fixed first.
    """
    from jobs.cluster.doctor import examine

    bad = 0
    for check in examine(root, address):
        bad += not check.good
        answers().print("ok  " if check.good else "bad ", end="", style=_STYLES[check.good])
        answers().say(f"{check.name}: {' '.join(check.message.split())}")
    answers().say(f"{bad} of these must be fixed first" if bad else "ready to upscale")
    raise typer.Exit(ExitCode.USAGE if bad else ExitCode.DONE)


_STYLES = {True: "green", False: "red"}
