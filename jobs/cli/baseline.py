"""srfleet baseline: what the metrics of a model are on photographs that it upscales well."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.new_files import refuse_existing
from jobs.cli.options import PrecisionOption, ScaleOption, SourceArgument, build_job, run_options
from jobs.cli.terminal import answers

EXAMPLES = (
    "srfleet baseline ./good-photos --model mine.safetensors -o mine.json",
    "srfleet baseline s3://archive/good --model srgan -o srgan.json --keep ./good-x4",
)


def baseline(
    source: SourceArgument,
    model: Annotated[str, typer.Option(help="A model or checkpoint; not auto.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="New JSON file.")],
    scale: ScaleOption = None,
    precision: PrecisionOption = None,
    keep: Annotated[
        str | None,
        typer.Option(metavar="OUT", help="Keep the run there, to look at or to resume."),
    ] = None,
) -> None:
    """Upscale known-good photographs and write the quantiles of every metric, for `audit`.

    Several hundred photographs of the kind and size of the archive make limits that hold.
    """
    from jobs.cli.upscale import drive
    from sr_core.archive.storage import open_store
    from sr_core.audit.verdicts.making import make_baseline, to_json

    refuse_existing(output, "--output")
    with tempfile.TemporaryDirectory(prefix="srfleet-baseline-") as folder:
        root = keep or str(Path(folder) / "out")
        options = run_options(model=model, scale=scale, precision=precision, no_mark=True)
        code = drive(build_job(None, source, root, options, {}))
        found = make_baseline(open_store(root))
    output.write_bytes(to_json(found))
    answers().say(f"baseline of {found.model} from {found.images} images: {output}")
    raise typer.Exit(code)
