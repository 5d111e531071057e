"""The command line: every command with its arguments; what they do is in modules of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.options import (
    ActorsOption,
    AddressOption,
    DeviceOption,
    EngineOption,
    FormatOption,
    JobOption,
    JobOutputArgument,
    JobSourceArgument,
    ModelOption,
    QualityOption,
    RootArgument,
    ScaleOption,
    SourceArgument,
    StripGpsOption,
    TargetOption,
    build_job,
    parse_target,
)
from jobs.cli.quantize import QUANTIZE_EPILOG, quantize
from jobs.cli.terminal import console, run
from jobs.cli.train import TRAIN_EPILOG, train

_ANY_OUTPUT = "srfleet-out"
"""Stands for OUT in a plan, which writes nothing."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Upscale whole photo archives by 4, with a quality-metrics table.\n\n"
    "Exit codes: 0 done; 3 done, but some images failed; 2 bad usage or configuration; "
    "75 try again later (the same command goes on where it stopped).",
)


@app.command(
    epilog="srfleet upscale ./photos ./photos-x4\n\n"
    "srfleet upscale s3://archive/photos s3://archive/uhd --target 3840x2160 --format jpeg"
)
def upscale(
    source: JobSourceArgument = None,
    output: JobOutputArgument = None,
    job: JobOption = None,
    model: ModelOption = None,
    scale: ScaleOption = None,
    target: TargetOption = None,
    format_: FormatOption = None,
    quality: QualityOption = None,
    strip_gps: StripGpsOption = None,
    actors: ActorsOption = None,
    device: DeviceOption = None,
    engine: EngineOption = None,
    address: AddressOption = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try the failed images again.")
    ] = False,
    extend: Annotated[
        bool, typer.Option("--extend", help="Take in files that came since the run was planned.")
    ] = False,
) -> None:
    """Upscale every image of SOURCE into OUT; the same command goes on where it stopped."""
    from jobs.cli.upscale import run_upscale

    configuration = build_job(
        job,
        source,
        output,
        {
            "model": model,
            "scale": scale,
            "target": parse_target(target),
            "format": format_,
            "quality": quality,
            "strip_gps": strip_gps,
        },
        {"actors": actors, "device": device, "engine": engine, "address": address},
    )
    raise typer.Exit(
        run_upscale(configuration, console(), retry_failed=retry_failed, extend=extend)
    )


@app.command()
def manifest(
    source: SourceArgument,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Parquet file to write.")
    ] = Path("manifest.parquet"),
    root: Annotated[
        str | None,
        typer.Option(
            help="Folder or prefix that names in a table are relative to.",
            show_default="the table's folder",
        ),
    ] = None,
    uri_column: Annotated[
        str | None,
        typer.Option(
            help="Column of a table that names the files.", show_default="uri, key or path"
        ),
    ] = None,
    reference_column: Annotated[
        str | None,
        typer.Option(
            help="Column of a table that names true high-resolution images to compare with."
        ),
    ] = None,
    since: Annotated[
        list[str] | None,
        typer.Option(metavar="OUT", help="Leave out what this run has finished; repeatable."),
    ] = None,
) -> None:
    """List SOURCE with sizes and formats into a Parquet table, which can then stand for it."""
    from jobs.cli.manifest import make_manifest

    make_manifest(
        source,
        output,
        console(),
        root=root,
        uri_column=uri_column,
        reference_column=reference_column,
        since=since or [],
    )


@app.command()
def plan(
    source: JobSourceArgument = None,
    output: JobOutputArgument = None,
    job: JobOption = None,
    model: ModelOption = None,
    scale: ScaleOption = None,
    target: TargetOption = None,
    format_: FormatOption = None,
    quality: QualityOption = None,
    strip_gps: StripGpsOption = None,
    actors: ActorsOption = None,
    device: DeviceOption = None,
    engine: EngineOption = None,
    address: AddressOption = None,
    price_per_hour: Annotated[
        float | None, typer.Option(help="Of one GPU, or core, to tell the price of the run.")
    ] = None,
) -> None:
    """Tell what upscale with the same arguments would take, without writing anything."""
    from jobs.cli.plan import show_plan

    configuration = build_job(
        job,
        source,
        output or (None if job else _ANY_OUTPUT),
        {
            "model": model,
            "scale": scale,
            "target": parse_target(target),
            "format": format_,
            "quality": quality,
            "strip_gps": strip_gps,
        },
        {"actors": actors, "device": device, "engine": engine, "address": address},
    )
    show_plan(configuration, console(), price_per_hour=price_per_hour)


@app.command()
def status(root: RootArgument) -> None:
    """Tell where the run in OUT stands, while it goes or after it stopped."""
    from jobs.cli.status import show_status

    raise typer.Exit(show_status(root, console()))


@app.command()
def verify(root: RootArgument) -> None:
    """Check every count and checksum of the run in OUT again."""
    from jobs.cli.status import show_verification

    raise typer.Exit(show_verification(root, console()))


@app.command()
def doctor(
    root: Annotated[
        str | None, typer.Argument(metavar="OUT", help="Folder or s3:// prefix to check as well.")
    ] = None,
    address: AddressOption = None,
) -> None:
    """Check whether this machine can upscale, and write to OUT."""
    from jobs.cluster.doctor import run_doctor

    raise typer.Exit(run_doctor(console(), root, address))


@app.command()
def demo(
    output: Annotated[
        Path, typer.Argument(metavar="OUT", help="Folder for the runs and comparison.html.")
    ] = Path("demo-out"),
) -> None:
    """Upscale eight sample photographs with every model and compare them side by side."""
    from jobs.cli.demo import run_demo

    raise typer.Exit(run_demo(output, console()))


@app.command(
    epilog="srfleet evaluate ./Set5 ./Set14\n\n"
    "srfleet evaluate ./photos --model srresnet --model out/mine.safetensors --output out/mine"
)
def evaluate(
    benchmarks: Annotated[
        list[Path],
        typer.Argument(
            metavar="BENCHMARK", help="Folders with HR/ and LRx4/ of the same names, or of HR."
        ),
    ],
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODEL",
            help="nearest, bilinear, srresnet, ..., or a checkpoint's path; repeatable. "
            "bicubic always comes along.",
            show_default="all with shipped weights",
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="New folder for what is written.")
    ] = Path("evaluation-out"),
    lpips: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Weights of LPIPS.",
            show_default="in $SRFLEET_SHARED/weights",
        ),
    ] = None,
    scale: Annotated[int, typer.Option(min=2, max=8, help="How many times larger HR is.")] = 4,
    device: DeviceOption = None,
    engine: Annotated[
        str, typer.Option(help="As in upscale; torch on CPUs scores the same, but for rounding.")
    ] = "torch",
) -> None:
    """Score models on images whose truth is known: PSNR, SSIM, LPIPS and crops side by side."""
    from jobs.models.evaluate import run_evaluation

    code = run_evaluation(
        benchmarks,
        model or [],
        output,
        console(),
        lpips_file=lpips,
        scale=scale,
        device=device or "auto",
        engine=engine,
    )
    raise typer.Exit(code)


app.command(epilog=TRAIN_EPILOG)(train)
app.command(epilog=QUANTIZE_EPILOG)(quantize)


def main() -> None:
    """Run what was typed."""
    run(app)
