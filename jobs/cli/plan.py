"""srfleet plan: what a job would come to, before anything is written."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from jobs.cli.display import duration
from jobs.cluster.connect import Devices, choose_devices, connected
from jobs.upscale.speed import fleet_speed
from sr_core.archive.planning.plan import make_plan
from sr_core.archive.planning.summary import PlanSummary
from sr_core.archive.source.opening import open_source
from sr_core.archive.storage import open_store
from sr_core.config import JobConfig


def show_plan(job: JobConfig, console: Console, *, price_per_hour: float | None) -> None:
    """Print images, megapixels, bytes, time of the fleet that is there now, names and limits.

    Args:
        price_per_hour: of one device, in any currency; adds the price of the run.
    """
    source = open_source(job.source, leave_out=[open_store(job.output).uri])
    manifest = source.table()
    summary = make_plan(
        manifest,
        run=job.run,
        shard_megapixels=job.execution.shard_megapixels or float("inf"),
        shard_images=job.execution.shard_images,
    ).summary
    with connected(job.execution):
        devices = choose_devices(job.execution)
        speed = fleet_speed(job, devices)()
    console.print(_table(job, summary, devices, speed, price_per_hour))
    for what, names in (
        ("cannot have their plain name", summary.first_renamed),
        ("are over a limit", summary.first_over_limit),
    ):
        if names:
            console.print(f"{what}: {', '.join(names)}", markup=False, highlight=False)


def _table(
    job: JobConfig,
    summary: PlanSummary,
    devices: Devices,
    speed: float,
    price_per_hour: float | None,
) -> Table:
    seconds = summary.native_megapixels / speed
    table = Table(show_header=False, box=None, pad_edge=False)

    def add(name: str, value: str) -> None:
        table.add_row(name, value)

    add("images", f"{summary.images} of {summary.rows} files")
    for name, count in sorted(summary.failed.items()):
        add("", f"{count} refused: {name}")
    if summary.duplicates:
        add("", f"{summary.duplicates} named again")
    if summary.unprobed:
        add("", f"{summary.unprobed} of unknown size, not counted below")
    add("source", f"{summary.source_megapixels:.1f} MP")
    if summary.native_megapixels != summary.output_megapixels:
        add("upscaled", f"{summary.native_megapixels:.1f} MP, then resized")
    add("output", f"{summary.output_megapixels:.1f} MP")
    for name, size in sorted(summary.output_bytes.items()):
        add("", f"{name}: about {size / 1e9:.3g} GB")
    add("speed", f"{speed:.3g} MP/s per {devices.device} actor (measured, {job.run.model})")
    add("device time", f"{seconds / 3600:.2f} h")
    add("with", f"{devices.actors} actors: about {duration(seconds / devices.actors)}")
    if price_per_hour is not None:
        add("price", f"{seconds / 3600 * price_per_hour:.2f} at {price_per_hour:g} per device hour")
    add("renamed", f"{summary.renamed} outputs, to keep names apart")
    add("over limits", f"{summary.over_limit}")
    return table
