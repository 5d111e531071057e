"""Driver and ledger alone, with actors that upscale nothing: `python -m benchmarks.driver`.

Uses the real driver, fleet, plan and commits, with 10^3 and 10^5 images of which only one exists.
Prints Markdown: images per second, and the driver's memory after its first and last shard and at
its peak, which is while planning.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import ray

from jobs.upscale import proxy
from jobs.upscale.actors import ActorReport, UpscaleActor
from jobs.upscale.observer import RunEvent, ShardCommitted
from jobs.upscale.run import upscale
from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.planning.plan_file import read_shard
from sr_core.archive.source.manifest import image_id, write_manifest
from sr_core.archive.storage import open_store
from sr_core.config import ExecutionConfig, JobConfig, RunConfig
from sr_core.errors import ErrorClass
from sr_core.records import ManifestRow, MetricsRow, ShardResult, Status

COUNTS = (1_000, 100_000)
SIDE_PX = 1_000


class NoOpActor(UpscaleActor):
    """An actor that commits a row for every image without reading any."""

    def start(self) -> ActorReport:
        """Open the root only."""
        self._root = open_store(self._spec.root_uri)
        return ActorReport(ray.get_runtime_context().get_node_id(), "", 0, "none", 0.0)

    def process(self, round_index: int, shard: int, attempt: str) -> ShardResult:
        """Commit the shard with every image as not found."""
        rows = [
            MetricsRow(
                image.image.image_id,
                image.image.key,
                round_index,
                shard,
                attempt,
                Status.FAILED,
                ErrorClass.NOT_FOUND,
                "no-op",
                finished_at=datetime.now(UTC),
            )
            for image in read_shard(self._root, round_index, shard)
        ]
        committed = Ledger(self._root).commit(round_index, shard, rows)
        failures = {ErrorClass.NOT_FOUND: len(rows)}
        statuses = {Status.FAILED: len(rows)}
        return ShardResult(
            round_index, shard, attempt, committed, statuses, failures, 0, 0.0, 0.0, 0.0
        )


def main() -> None:
    """Measure each count in its own process, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, help="measure one count, as a line of numbers")
    images = parser.parse_args().images
    if images is not None:
        print(*measure(images))
        return
    print("| images | images/s | s | MiB at the first shard | at the last | at most |")
    print("| --- | --- | --- | --- | --- | --- |")
    for count in COUNTS:
        command = [sys.executable, "-m", "benchmarks.driver", "--images", str(count)]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        seconds, first, last, peak = map(float, said.split()[-4:])
        numbers = f"{seconds:.1f} | {first:.0f} | {last:.0f} | {peak:.0f}"
        print(f"| {count} | {count / seconds:.0f} | {numbers} |")


class Watch:
    """An observer that records the driver's memory at every commit."""

    def __init__(self) -> None:
        self.mib: list[float] = []

    def observe(self, event: RunEvent) -> None:
        """Record the resident memory."""
        if isinstance(event, ShardCommitted):
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
            self.mib.append(pages * resource.getpagesize() / 2**20)


def measure(images: int) -> tuple[float, float, float, float]:
    """Run the driver over images without content; return seconds and three memory sizes in MiB.

    The time starts with the command and ends with the closing record: Ray's start, planning,
    resuming and summing up are in it.
    """
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        source.mkdir()
        # The one image that the driver checks to see if the source exists.
        first = source / next(rows(1)).key
        first.parent.mkdir()
        first.touch()
        manifest = Path(folder) / "manifest.parquet"
        write_manifest(rows(images), manifest, source.as_uri())
        job = JobConfig(
            source=str(manifest),
            output=f"{folder}/out",
            run=RunConfig(model="nearest"),
            execution=ExecutionConfig(device="cpu", shard_megapixels=16 * 200),
        )
        proxy.UpscaleActor = NoOpActor  # type: ignore[misc]
        watch = Watch()
        start = time.perf_counter()
        upscale(job, watch, report=False)
        seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return seconds, watch.mib[0], watch.mib[-1], peak


def rows(images: int) -> Iterator[ManifestRow]:
    """Return manifest rows of photographs of one megapixel."""
    for number in range(images):
        key = f"album-{number // 1000:04d}/{number:07d}.jpg"
        yield ManifestRow(
            image_id(key),
            key,
            size_bytes=400_000,
            etag="0",
            format="JPEG",
            mode="RGB",
            width_px=SIDE_PX,
            height_px=SIDE_PX,
            pages=1,
        )


if __name__ == "__main__":
    main()
