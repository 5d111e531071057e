"""srfleet train: train the networks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.options import DeviceOption, PhotographsArgument
from jobs.cli.terminal import answers, notices

EXAMPLES = (
    "srfleet train ./photos ./training",
    "srfleet train s3://archive/photos s3://archive/training --address auto --workers 8",
)

OutputArgument = Annotated[
    str,
    typer.Argument(metavar="OUT", help="Folder or s3:// prefix for weights, state and curves."),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="YAML file with stages and schedule.",
        show_default="as for srresnet and srgan",
    ),
]
ValidationOption = Annotated[
    str | None,
    typer.Option(
        metavar="SOURCE",
        help="Photographs to validate on.",
        show_default="a twentieth of PHOTOGRAPHS, held out",
    ),
]
VggOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Weights of VGG19, for losses on its features.",
        show_default="$SRFLEET_SHARED/weights/vgg19_imagenet_features_fp16.safetensors",
    ),
]
LpipsOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Weights of LPIPS, for its loss and for validation.",
        show_default="$SRFLEET_SHARED/weights/lpips_alex_v0.1.safetensors",
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Number of processes that share each batch.",
        show_default="this process; on a cluster one per GPU",
    ),
]
ClusterOption = Annotated[
    str | None, typer.Option(help="Ray cluster to train on, such as auto or host:6379.")
]


def train(
    photographs: PhotographsArgument,
    output: OutputArgument,
    config: ConfigOption = None,
    validation: ValidationOption = None,
    vgg: VggOption = None,
    lpips: LpipsOption = None,
    device: DeviceOption = None,
    workers: WorkersOption = None,
    address: ClusterOption = None,
) -> None:
    """Train SRResNet and SRGAN on PHOTOGRAPHS. The same command resumes a stopped training."""
    from jobs.train.run import PACKAGED_CONFIG, Request
    from jobs.train.run import train as run_training

    request = Request(
        photographs,
        output,
        config=config or PACKAGED_CONFIG,
        validation=validation,
        vgg=vgg,
        lpips=lpips,
        device=device or "auto",
        workers=workers,
        address=address,
    )
    trained = run_training(request, notices())
    answers().say(f"trained: {trained.checkpoint}; curves and samples: {trained.page}")
