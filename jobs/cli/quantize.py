"""The quantize command: its arguments and options."""

from __future__ import annotations

from typing import Annotated

import typer

from jobs.cli.terminal import console
from jobs.cli.train import PhotographsArgument

QUANTIZE_EPILOG = "srfleet quantize ./photos --model ./training/srgan_x4.safetensors"


def quantize(
    photographs: PhotographsArgument,
    model: Annotated[str, typer.Option(metavar="CHECKPOINT", help="Path of a checkpoint.")],
    validation: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="Photographs to measure the loss on.",
            show_default="a fifth of PHOTOGRAPHS, at most 100, held out",
        ),
    ] = None,
) -> None:
    """Measure whether a checkpoint may run in 8-bit integers, for --engine openvino-int8."""
    from jobs.models.quantize import quantize as measure

    raise typer.Exit(measure(photographs, model, validation, console()))
