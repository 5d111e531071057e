"""srfleet manifest: list a source."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jobs.cli.left_out import counted, warned
from jobs.cli.options import ExcludeOption, IncludeOption, SourceArgument
from jobs.cli.terminal import answers, notices
from sr_core.archive.source.skipped import listed

if TYPE_CHECKING:
    from jobs.upscale.manifest import ManifestMade

EXAMPLES = (
    "srfleet manifest ./photos --output photos.parquet",
    "srfleet manifest s3://archive/photos -o new.parquet --since s3://archive/photos-x4",
)


OutputOption = Annotated[
    Path, typer.Option("--output", "-o", metavar="FILE", help="Parquet file to write.")
]
BaseOption = Annotated[
    str | None,
    typer.Option(
        "--root",
        help="Folder or prefix that the names in a table are relative to.",
        show_default="the table's folder",
    ),
]
UriColumnOption = Annotated[
    str | None,
    typer.Option(help="Column of a table that names the files.", show_default="uri, key or path"),
]
ReferenceColumnOption = Annotated[
    str | None, typer.Option(help="Column of a table that names true high-resolution images.")
]
SinceOption = Annotated[
    list[str] | None,
    typer.Option(metavar="OUT", help="Leave out images that the run in OUT finished; repeatable."),
]


def manifest(
    source: SourceArgument,
    output: OutputOption = Path("manifest.parquet"),
    root: BaseOption = None,
    uri_column: UriColumnOption = None,
    reference_column: ReferenceColumnOption = None,
    since: SinceOption = None,
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
) -> None:
    """List the files of SOURCE, with sizes and formats, in a table that can serve as SOURCE."""
    from jobs.upscale.manifest import make_manifest

    made = make_manifest(
        source,
        output,
        root=root,
        uri_column=uri_column,
        reference_column=reference_column,
        since=since or [],
        include=include or [],
        exclude=exclude or [],
    )
    for line in warned(made.left_out):
        notices().say(line, style="yellow")
    for run in made.earlier:
        notices().say(f"since {run.root}: run {run.run_id}, {run.made}")
    for line in _lines(output, made):
        answers().say(line)


def _lines(output: Path, made: ManifestMade) -> Iterator[str]:
    summary = made.summary
    yield f"{output}: {summary.rows} files of {made.source_uri}"
    megabytes = summary.size_bytes / 1e6
    yield f"  {summary.images} images, {summary.megapixels:.1f} megapixels, {megabytes:.1f} MB"
    if summary.unprobed:
        yield f"  {summary.unprobed} could not be opened yet; the run will try again"
    if summary.duplicates:
        yield f"  {summary.duplicates} rows repeat a file"
    for name, count in sorted(summary.failed.items()):
        yield f"  {count} refused: {name}"
    if summary.skipped:
        yield f"  {sum(summary.skipped.values())} skipped: {listed(summary.skipped)}"
    for line in counted(made.left_out):
        yield f"  {line}"
    yield f"  digest {summary.digest}"
