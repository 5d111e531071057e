"""srfleet manifest: list a source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.options import SourceArgument
from jobs.cli.terminal import answers, notices

EXAMPLES = (
    "srfleet manifest ./photos --output photos.parquet",
    "srfleet manifest s3://archive/photos -o new.parquet --since s3://archive/photos-x4",
)


def manifest(
    source: SourceArgument,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Parquet file to write.")
    ] = Path("manifest.parquet"),
    root: Annotated[
        str | None,
        typer.Option(
            help="Folder or prefix that the names in a table are relative to.",
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
        typer.Option(help="Column of a table that names true high-resolution images."),
    ] = None,
    since: Annotated[
        list[str] | None,
        typer.Option(metavar="OUT", help="Leave out the images this run finished; repeatable."),
    ] = None,
) -> None:
    """List the files of SOURCE, with sizes and formats, in a table to use as SOURCE later."""
    from jobs.upscale.manifest import make_manifest

    made = make_manifest(
        source,
        output,
        root=root,
        uri_column=uri_column,
        reference_column=reference_column,
        since=since or [],
    )
    for run in made.earlier:
        notices().say(f"since {run.root}: run {run.run_id}, {run.made}")
    summary = made.summary
    answers().say(f"{output}: {summary.rows} files of {made.source_uri}")
    answers().say(
        f"  {summary.images} images, {summary.megapixels:.1f} megapixels, "
        f"{summary.size_bytes / 1e6:.1f} MB"
    )
    if summary.unprobed:
        answers().say(f"  {summary.unprobed} could not be opened yet; the run will try again")
    if summary.duplicates:
        answers().say(f"  {summary.duplicates} rows repeat a file")
    for name, count in sorted(summary.failed.items()):
        answers().say(f"  {count} refused: {name}")
    answers().say(f"  digest {summary.digest}")
