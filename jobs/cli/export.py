"""srfleet export: write a model as an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.options import JsonOption
from jobs.cli.terminal import answers

EXAMPLES = (
    "srfleet export srgan srgan.onnx --scale 4",
    "srfleet export ./training/srgan_x4.safetensors mine.onnx",
)


def export(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="Name of shipped weights, or a checkpoint.")
    ],
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="New ONNX file; an existing one is kept.")
    ],
    scale: Annotated[
        int | None,
        typer.Option(
            help="Scale of the network, if the model has several.", show_default="the largest"
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Write a model as an ONNX file, for other programs and runtimes.

    Height, width and batch are free. The file is compared with torch if onnxruntime is installed.
    docs/models.md shows how to use it.
    """
    from jobs.cli.answers.models import ExportAnswer
    from jobs.models.export import export as write

    found = write(model, file, scale)
    if json:
        answers().data(ExportAnswer.of(found).json_text())
        return
    answers().say(
        f"wrote {found.path}: {found.model} x{found.scale}, {found.size_bytes / 1e6:.1f} MB, "
        f"licence {found.licence or 'not stated by the checkpoint'}"
    )
    if found.largest_difference is None:
        answers().say("not compared with torch: onnxruntime is not installed")
    else:
        answers().say(
            f"largest difference from torch by onnxruntime: {found.largest_difference:.1e}"
        )
