"""Arguments and options shared by several commands, and the job they describe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from sr_core.config import ExecutionConfig, JobConfig, RunConfig, describe, load_job
from sr_core.errors import ConfigurationError
from sr_core.models.catalogue import BASELINES, shipped_models

_SOURCE_HELP = "Folder, s3:// prefix, manifest, S3 Inventory, or table (.parquet, .csv)."
_OUTPUT_HELP = "Folder or s3:// prefix for outputs, metrics and report; one per run."

SourceArgument = Annotated[str, typer.Argument(metavar="SOURCE", help=_SOURCE_HELP)]
RootArgument = Annotated[
    str, typer.Argument(metavar="OUT", help="Folder or s3:// prefix of a run.")
]
PhotographsArgument = Annotated[
    str,
    typer.Argument(
        metavar="PHOTOGRAPHS", help="Folder, s3:// prefix, manifest, or .parquet/.csv table."
    ),
]
# Optional, because a job file can set them.
JobSourceArgument = Annotated[str | None, typer.Argument(metavar="SOURCE", help=_SOURCE_HELP)]
JobOutputArgument = Annotated[str | None, typer.Argument(metavar="OUT", help=_OUTPUT_HELP)]
JobOption = Annotated[
    Path | None,
    typer.Option(
        "--job",
        metavar="FILE",
        help="YAML file with these options; typed ones take precedence.",
    ),
]
IncludeOption = Annotated[
    list[str] | None,
    typer.Option(metavar="GLOB", help="Take only matching files; repeatable."),
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option(metavar="GLOB", help="Leave matching files out; repeatable."),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        help=f"auto (default), {', '.join([*shipped_models(), *BASELINES])} or a checkpoint.",
    ),
]
ScaleOption = Annotated[
    int | None, typer.Option(help="Scale factor of width and height: 2 or 4.", show_default="4")
]
TargetOption = Annotated[
    str | None,
    typer.Option(metavar="WxH", help="Fit outputs into a box, such as 3840x2160."),
]
FormatOption = Annotated[
    str | None,
    typer.Option(
        "--format",
        help="jpeg, png, webp, tiff, jxl or ptif.",
        show_default="as SOURCE",
    ),
]
QualityOption = Annotated[
    int | None, typer.Option(help="JPEG and WebP quality, 1 to 100.", show_default="95")
]
BitonalOption = Annotated[
    str | None,
    typer.Option(help="Pages of 1 bit: grey, or keep for G4 TIFF.", hidden=True),
]
StripGpsOption = Annotated[
    bool | None, typer.Option("--strip-gps", help="Remove GPS positions from the outputs.")
]
SidecarsOption = Annotated[
    bool | None, typer.Option("--sidecars", help="Copy .xmp and .json files of the images.")
]
SalvageOption = Annotated[
    bool | None, typer.Option("--salvage", help="Upscale the readable part of damaged files.")
]
NoMarkOption = Annotated[
    bool, typer.Option("--no-mark", help="Leave out the mark of how outputs were made.")
]
SignOption = Annotated[
    tuple[Path, Path] | None,
    typer.Option(
        "--c2pa-sign", metavar="CERT KEY", help="Sign outputs (C2PA); two PEM files.", hidden=True
    ),
]
TrustOption = Annotated[
    str | None,
    typer.Option(
        help="basic, or full: compare GANs with their twins, too.",
        show_default="basic",
        hidden=True,
    ),
]
ActorsOption = Annotated[
    int | None,
    typer.Option(
        help="Number of upscaling processes.",
        show_default="as many as fit",
    ),
]
DeviceOption = Annotated[
    str | None, typer.Option(help="auto, cpu or cuda.", show_default="auto: GPUs, if any")
]
PrecisionOption = Annotated[
    str | None,
    typer.Option(
        help="Coarsest precision allowed: float32, half, or int8.",
        show_default="auto: half on devices that have it, else float32",
        hidden=True,
    ),
]
EngineOption = Annotated[
    str | None,
    typer.Option(
        help="Library: auto, torch, or openvino.",
        show_default="auto: the fastest here",
        hidden=True,
    ),
]
TimesOption = Annotated[
    str | None,
    typer.Option(help="Dates of output files: source or now.", show_default="source", hidden=True),
]
AddressOption = Annotated[
    str | None,
    typer.Option(
        help="Ray cluster.",
        show_default="$RAY_ADDRESS, or this machine",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Answer with a JSON object (docs/json.md).")
]


def run_options(
    *,
    target: str | None = None,
    format_: str | None = None,
    no_mark: bool = False,
    **others: object,
) -> dict[str, object]:
    """Map options of the command line to keys of the `run` section of a job file.

    Args:
        target: a size written as WxH.
        format_: the output format.
        no_mark: True leaves out the mark.
        others: options whose names are keys.

    Raises: ConfigurationError.
    """
    mark = False if no_mark else None
    return {"target": parse_target(target), "format": format_, "mark": mark} | others


def build_job(
    job_file: Path | None,
    source: str | None,
    output: str | None,
    run: Mapping[str, object],
    execution: Mapping[str, object],
    *,
    include: Sequence[str] | None = None,
    exclude: Sequence[str] | None = None,
) -> JobConfig:
    """Combine the job file with the options of the command line, which take precedence.

    Raises: ConfigurationError.
    """
    from pydantic import ValidationError

    # Only what the file names: a run that has begun settles what nobody named.
    base = load_job(job_file).model_dump(exclude_unset=True) if job_file else {}
    base = {"run": {}, "execution": {}} | base
    if source is not None:
        base["source"] = source
    if output is not None:
        base["output"] = output
    patterns = {"include": include, "exclude": exclude}
    base |= {name: tuple(globs) for name, globs in patterns.items() if globs}
    missing = [name for name in ("source", "output") if name not in base]
    if missing:
        raise ConfigurationError(f"no {' and no '.join(missing)} given; give SOURCE OUT or --job")
    base["run"] |= {name: value for name, value in run.items() if value is not None}
    base["execution"] |= {name: value for name, value in execution.items() if value is not None}
    try:
        return JobConfig(
            source=base["source"],
            output=base["output"],
            include=base.get("include", ()),
            exclude=base.get("exclude", ()),
            run=RunConfig.model_validate(base["run"]),
            execution=ExecutionConfig.model_validate(base["execution"]),
        )
    except ValidationError as error:
        raise ConfigurationError(describe(error)) from error


def parse_target(text: str | None) -> tuple[int, int] | None:
    """Parse a size written as WxH.

    Raises: ConfigurationError.
    """
    if text is None:
        return None
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdigit() and height.isdigit()):
        raise ConfigurationError(f"--target must look like 3840x2160, not {text!r}")
    return int(width), int(height)
