"""srfleet plan: estimate the time, storage and price of a run."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Annotated

import typer

from jobs.cli.left_out import counted, warned
from jobs.cli.options import (
    ActorsOption,
    AddressOption,
    BitonalOption,
    DeviceOption,
    EngineOption,
    ExcludeOption,
    FormatOption,
    IncludeOption,
    JobOption,
    JobOutputArgument,
    JobSourceArgument,
    JsonOption,
    ModelOption,
    NoMarkOption,
    PrecisionOption,
    QualityOption,
    SalvageOption,
    ScaleOption,
    SidecarsOption,
    StripGpsOption,
    TargetOption,
    build_job,
    run_options,
)
from jobs.cli.terminal import answers, notices
from jobs.durations import duration
from sr_core.archive.source.skipped import listed

if TYPE_CHECKING:
    from sr_core.archive.planning.estimate import Estimate
    from sr_core.archive.planning.summary import PlanSummary
    from sr_core.records import LeftOut

EXAMPLES = (
    "srfleet plan ./photos",
    "srfleet plan s3://archive/photos --target 3840x2160 --address auto --price-per-hour 2.50",
)

_ANY_OUTPUT = "srfleet-out"
"""Output of a plan without OUT; nothing is written to it."""

PriceOption = Annotated[
    float | None, typer.Option(help="Price of one GPU or core per hour, to estimate the cost.")
]


def plan(
    source: JobSourceArgument = None,
    output: JobOutputArgument = None,
    job: JobOption = None,
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    model: ModelOption = None,
    scale: ScaleOption = None,
    target: TargetOption = None,
    format_: FormatOption = None,
    quality: QualityOption = None,
    precision: PrecisionOption = None,
    bitonal: BitonalOption = None,
    strip_gps: StripGpsOption = None,
    salvage: SalvageOption = None,
    sidecars: SidecarsOption = None,
    no_mark: NoMarkOption = False,
    actors: ActorsOption = None,
    device: DeviceOption = None,
    engine: EngineOption = None,
    address: AddressOption = None,
    price_per_hour: PriceOption = None,
    json: JsonOption = False,
) -> None:
    """Estimate the time, storage and price of what upscale has left to do. Nothing is written."""
    from jobs.cli.answers.plan import PlanAnswer
    from jobs.upscale.plan import plan_run

    configuration = build_job(
        job,
        source,
        output or (None if job else _ANY_OUTPUT),
        run_options(
            model=model,
            scale=scale,
            target=target,
            format_=format_,
            quality=quality,
            precision=precision,
            bitonal=bitonal,
            strip_gps=strip_gps,
            salvage=salvage,
            sidecars=sidecars,
            no_mark=no_mark,
        ),
        {"actors": actors, "device": device, "engine": engine, "address": address},
        include=include,
        exclude=exclude,
    )
    found = plan_run(configuration).estimate()
    for line in warned(found.left_out):
        notices().say(line, style="yellow")
    if json:
        answers().data(PlanAnswer.of(found, price_per_hour).json_text())
        return
    for line in _lines(found, price_per_hour):
        answers().say(line)


def _lines(found: Estimate, price_per_hour: float | None) -> Iterator[str]:
    """Yield the lines of an estimate, each a name and a value."""
    contents = _contents(found.summary, found.left_out)
    for name, value in chain(contents, _cost(found, price_per_hour)):
        yield f"{name:<12} {value}"
    for what, keys in (
        ("cannot have their plain name", found.summary.first_renamed),
        ("are over a limit", found.summary.first_over_limit),
    ):
        if keys:
            yield f"{what}: {', '.join(keys)}"


def _contents(summary: PlanSummary, left_out: LeftOut) -> Iterator[tuple[str, str]]:
    yield "images", f"{summary.images} of {summary.rows} files"
    for name, count in sorted(summary.failed.items()):
        yield "", f"{count} refused: {name}"
    if summary.skipped:
        yield "", f"{sum(summary.skipped.values())} skipped: {listed(summary.skipped)}"
    if summary.sidecars:
        yield "", f"sidecars to copy: {summary.sidecars}"
    for line in counted(left_out):
        yield "", line
    if summary.duplicates:
        yield "", f"{summary.duplicates} named again"
    if summary.unprobed:
        yield "", f"{summary.unprobed} of unknown size, not counted below"
    yield "source", f"{summary.source_megapixels:.1f} MP"
    if summary.native_megapixels != summary.output_megapixels:
        yield "upscaled", f"{summary.native_megapixels:.1f} MP, then resized"
    yield "output", f"{summary.output_megapixels:.1f} MP"
    for name, size in sorted(summary.output_bytes.items()):
        yield "", f"{name}: about {size / 1e9:.3g} GB"


def _cost(found: Estimate, price_per_hour: float | None) -> Iterator[tuple[str, str]]:
    speed = f"{found.actor_mp_per_s:.3g} MP/s per {found.device} actor"
    yield "speed", f"{speed} (measured, {found.model})"
    yield "device time", f"{found.device_s / 3600:.2f} h"
    yield "with", f"{found.actors} actors: about {duration(found.wall_s)}"
    if price_per_hour is not None:
        price = found.price(price_per_hour)
        yield "price", f"{price:.2f} at {price_per_hour:g} per device hour"
    yield "renamed", f"{found.summary.renamed} outputs, to keep names apart"
    yield "over limits", f"{found.summary.over_limit}"
