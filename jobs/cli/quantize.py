"""srfleet quantize: calibrate a checkpoint for 8-bit integers."""

from __future__ import annotations

from typing import Annotated

import typer

from jobs.cli.options import PhotographsArgument
from jobs.cli.terminal import answers, notices

EXAMPLES = (
    "srfleet quantize ./photos --model ./training/srgan_x4.safetensors",
    "srfleet quantize ./photos --model mine.safetensors --validation ./other-photos",
)


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
    """Measure what a checkpoint loses in 8 bits, and calibrate it if the loss is small."""
    from jobs.models.quantize import quantize as measure

    found = measure(photographs, model, validation, notices())
    answers().say(
        f"{found.loss}; --precision int8 can be used, and is {found.speedup:.1f} "
        f"times as fast as float32 on this machine ({found.path})"
    )
