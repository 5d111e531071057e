"""srfleet explain: where the output of one image comes from, and what proves it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from jobs.cli.options import JsonOption, RootArgument
from jobs.cli.terminal import answers

if TYPE_CHECKING:
    from sr_core.audit.lineage import Lineage, Step
    from sr_core.records import MetricsRow

EXAMPLES = (
    "srfleet explain ./photos-x4 1998/summer/012.jpg",
    "srfleet explain ./photos-x4 images/1998/summer/012.jpg --json",
)

ImageArgument = Annotated[
    str, typer.Argument(metavar="IMAGE", help="Key of a source, image id, or key of an output.")
]


def explain(root: RootArgument, image: ImageArgument, json: JsonOption = False) -> None:
    """Show the lineage of one image of the run in OUT, from its source to the root hash.

    No output is read: srfleet verify does that for the whole run, and srfleet replay makes the
    pixels of one image again.
    """
    from jobs.cli.answers.explain import ExplainAnswer
    from sr_core.archive.storage import open_store
    from sr_core.audit.lineage import trace

    store = open_store(root)
    found = trace(store, image)
    if json:
        answers().data(ExplainAnswer.of(found, store.uri).json_text())
        return
    for line in _lines(found):
        answers().say(line)


def _lines(found: Lineage) -> Iterator[str]:
    image = found.steps[-1].planned.image
    yield f"image {found.key}, id {found.image_id}"
    yield f"run {found.run.run_id} on {found.run.source_uri}"
    size = "size unknown" if image.width_px is None else f"{image.width_px}x{image.height_px} px"
    yield (
        f"manifest: {image.format or 'not probed'} {image.mode or ''} {size}, "
        f"{image.size_bytes} bytes, version {image.etag}"
    )
    for step in found.steps:
        yield from _step_lines(step)
    yield f"root hash of the run: {found.root_hash or 'none'}"


def _step_lines(step: Step) -> Iterator[str]:
    row = step.row
    place = f"round {step.round_index}, shard {step.planned.shard}"
    if row is None:
        yield f"{place}: planned, not committed yet"
        return
    reason = f" ({row.error_class}: {row.error_message})" if row.error_class else ""
    yield f"{place}: {row.status}{reason}, attempt {row.attempt}, {row.finished_at}"
    yield from (f"  {line}" for line in _row_lines(step, row))
    yield f"  row in {step.part}, SHA-256 {step.part_sha256}"
    if step.root_hash is not None:
        covered = "covers this part" if step.is_covered else "DOES NOT COVER THIS PART"
        yield f"  root hash of the round {covered}: {step.root_hash}"
    else:
        yield "  no root hash covers the round: it is not closed, or an earlier version closed it"


def _row_lines(step: Step, row: MetricsRow) -> Iterator[str]:
    if row.source_sha256 is not None:
        yield f"source {row.source_uri}, SHA-256 {row.source_sha256}"
    for each in step.weights:
        licence = "" if each.licence is None else f", licence {each.licence}"
        yield f"model {each.model}, weights SHA-256 {each.sha256 or 'none'}{licence}"
    if row.model_reason is not None:
        yield f"chosen because: {row.model_reason}"
    if row.engine is not None:
        yield f"computed by {row.engine} in {row.precision} on {row.device}"
    if row.adopted:
        yield "adopted: an earlier attempt wrote the output, this one read it back and measured it"
    if row.same_pixels_as is not None:
        yield f"pixels of image {row.same_pixels_as}, whose source is identical"
    if row.output_key is not None:
        yield (
            f"output {row.output_key}, {row.width_out_px}x{row.height_out_px} px, "
            f"SHA-256 {row.output_sha256}"
        )
    yield from (f"warning: {each}" for each in row.warnings)
    if step.versions:
        listed = ", ".join(f"{name} {version}" for name, version in sorted(step.versions.items()))
        yield f"versions: {listed}"
