"""The command line: srfleet demo | manifest | plan | upscale | status | verify | doctor."""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.text import Text

from jobs.exit_codes import ExitCode, ending
from jobs.options import (
    ActorsOption,
    AddressOption,
    DeviceOption,
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
)
from sr_core.config import ExecutionConfig, JobConfig, RunConfig, describe, load_job
from sr_core.errors import ConfigurationError

# What typer (Ctrl-C) and Ray (SIGTERM, once it was started) turn a signal into.
_INTERRUPTED = (130, signal.SIGTERM)
_NOBODY_READS = 1  # what typer and rich turn a closed pipe into

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

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class _Terminal(Console):
    """Shows texts without what they may command: names of files can hold escape sequences."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(_CONTROL.sub("\ufffd", text), **options)


def console() -> Console:
    """Return where people read: standard error, so that standard output stays for data."""
    return _Terminal(stderr=True, soft_wrap=True)


def build_job(
    job_file: Path | None,
    source: str | None,
    output: str | None,
    run: dict[str, Any],
    execution: dict[str, Any],
) -> JobConfig:
    """Join the job file with what was typed, which wins.

    Raises: ConfigurationError.
    """
    from pydantic import ValidationError

    base = load_job(job_file).model_dump() if job_file else {"run": {}, "execution": {}}
    if source is not None:
        base["source"] = source
    if output is not None:
        base["output"] = output
    missing = [name for name in ("source", "output") if name not in base]
    if missing:
        raise ConfigurationError(f"no {' and no '.join(missing)} given; type SOURCE OUT or --job")
    base["run"] |= {name: value for name, value in run.items() if value is not None}
    base["execution"] |= {name: value for name, value in execution.items() if value is not None}
    try:
        return JobConfig(
            source=base["source"],
            output=base["output"],
            run=RunConfig.model_validate(base["run"]),
            execution=ExecutionConfig.model_validate(base["execution"]),
        )
    except ValidationError as error:
        raise ConfigurationError(describe(error)) from error


def parse_target(text: str | None) -> tuple[int, int] | None:
    """Read WxH.

    Raises: ConfigurationError.
    """
    if text is None:
        return None
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdigit() and height.isdigit()):
        raise ConfigurationError(f"--target must look like 3840x2160, not {text!r}")
    return int(width), int(height)


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
    address: AddressOption = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try the failed images again.")
    ] = False,
    extend: Annotated[
        bool, typer.Option("--extend", help="Take in files that came since the run was planned.")
    ] = False,
) -> None:
    """Upscale every image of SOURCE into OUT; the same command goes on where it stopped."""
    from jobs.upscale import upscale as drive

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
        {"actors": actors, "device": device, "address": address},
    )
    raise typer.Exit(drive(configuration, console(), retry_failed=retry_failed, extend=extend))


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
    from jobs.manifest import make_manifest

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
    address: AddressOption = None,
    price_per_hour: Annotated[
        float | None, typer.Option(help="Of one GPU, or core, to tell the price of the run.")
    ] = None,
) -> None:
    """Tell what upscale with the same arguments would take, without writing anything."""
    from jobs.plan import show_plan

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
        {"actors": actors, "device": device, "address": address},
    )
    show_plan(configuration, console(), price_per_hour=price_per_hour)


@app.command()
def status(root: RootArgument) -> None:
    """Tell where the run in OUT stands, while it goes or after it stopped."""
    from jobs.status import show_status

    raise typer.Exit(show_status(root, console()))


@app.command()
def verify(root: RootArgument) -> None:
    """Check every count and checksum of the run in OUT again."""
    from jobs.status import show_verification

    raise typer.Exit(show_verification(root, console()))


@app.command()
def doctor(
    root: Annotated[
        str | None, typer.Argument(metavar="OUT", help="Folder or s3:// prefix to check as well.")
    ] = None,
    address: AddressOption = None,
) -> None:
    """Check whether this machine can upscale, and write to OUT."""
    from jobs.doctor import run_doctor

    raise typer.Exit(run_doctor(console(), root, address))


@app.command()
def demo(
    output: Annotated[
        Path, typer.Argument(metavar="OUT", help="Folder for the runs and comparison.html.")
    ] = Path("demo-out"),
) -> None:
    """Upscale eight sample photographs with every model and compare them side by side."""
    from jobs.demo import run_demo

    raise typer.Exit(run_demo(output, console()))


def main() -> None:
    """Run the command line, turning what it raises into one line and an exit code."""
    logging.basicConfig(
        level=logging.WARNING,
        format="%(message)s",
        handlers=[RichHandler(console=console(), show_path=False, markup=False)],
    )
    # What it says of a file stands in the file's row, where it matters.
    logging.getLogger("imagecodecs").setLevel(logging.ERROR)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # schedulers send it; as Ctrl-C
    try:
        app()
    except SystemExit as end:
        if end.code in _INTERRUPTED:
            _tell("stopped", "the same command goes on from what is committed")
        elif end.code != _NOBODY_READS:
            raise
        else:
            _write_to_nobody()
        sys.exit(ExitCode.TRY_AGAIN)
    except Exception as error:
        known = ending(error)
        if known is None:
            raise
        code, line = known
        _tell("stopped" if code is ExitCode.TRY_AGAIN else "error", line)
        sys.exit(code)


def _tell(kind: str, what: object) -> None:
    try:
        console().print(f"{kind}: {what}", style="bold red", markup=False, highlight=False)
    except SystemExit:  # of rich, where nobody reads; the code still says it
        _write_to_nobody()


def _write_to_nobody() -> None:
    """Give what is still buffered somewhere to go, or Python would end with a code of its own."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
