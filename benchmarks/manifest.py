"""Time and memory of manifests and plans: synthetic rows, and header probes of real files.

python -m benchmarks.manifest --rows 1000000 --files 20000
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from PIL import Image

from sr_core.archive.planning.plan import make_plan
from sr_core.archive.planning.plan_file import plan_bytes
from sr_core.archive.source.manifest import (
    image_id,
    list_source,
    manifest_digest,
    read_manifest,
    write_manifest,
)
from sr_core.archive.source.probing import probe_rows
from sr_core.archive.storage import open_store
from sr_core.config import RunConfig
from sr_core.records import ManifestRow

_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_SIZES = [(1200, 800), (4000, 3000), (3024, 4032), (6000, 4000), (640, 480)]


def main() -> None:
    """Print one line per step: rows, seconds, rows a second, and the peak memory so far."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--files", type=int, default=0, help="files to scan on disk")
    arguments = parser.parse_args()
    print(f"{'step':24}{'rows':>10}{'s':>9}{'rows/s':>11}{'peak MB':>9}")
    with tempfile.TemporaryDirectory() as folder:
        if arguments.files:
            _scan(Path(folder) / "photos", arguments.files)
        _plan(Path(folder) / "manifest.parquet", arguments.rows)


def _plan(path: Path, count: int) -> None:
    with _timed("write manifest", count):
        write_manifest(_rows(count), path, "s3://archive/photos")
    with _timed("read manifest", count):
        manifest = read_manifest(path)
    with _timed("digest", count):
        manifest_digest(manifest)
    with _timed("plan", count):
        plan = make_plan(
            manifest, run=RunConfig(format="jpeg"), shard_megapixels=5_000, shard_images=256
        )
    with _timed("plan to Parquet", count):
        data = plan_bytes(plan, "0" * 16)
    print(
        f"manifest {path.stat().st_size / 1e6:.0f} MB, plan {len(data) / 1e6:.0f} MB, "
        f"{plan.shards} shards, {plan.summary.renamed} renamed"
    )


def _rows(count: int) -> Iterator[ManifestRow]:
    """Yield photographs of a camera archive in key order: every tenth also as a PNG."""
    draw = random.Random(0)
    for number in range(count):
        width, height = draw.choice(_SIZES)
        is_png = number % 10 == 9
        shot = number - is_png
        folder = f"{2000 + shot // 50_000}/{shot // 1000:05d} family and friends"
        key = f"{folder}/IMG_{shot:07d}.{'png' if is_png else 'jpg'}"
        yield ManifestRow(
            image_id(key),
            key,
            size_bytes=draw.randrange(100_000, 12_000_000),
            etag=f"{draw.getrandbits(128):032x}",
            modified_at=_EPOCH + timedelta(seconds=number),
            format="PNG" if is_png else "JPEG",
            mode="RGB",
            width_px=width,
            height_px=height,
            pages=1,
        )


def _scan(folder: Path, count: int) -> None:
    """Scan links to one photograph under many names."""
    folder.mkdir()
    noise = Image.effect_noise((1200, 800), 40).convert("RGB")
    first = folder / "0.jpg"
    noise.save(first, quality=90)
    for number in range(1, count):
        os.link(first, folder / f"{number}.jpg")
    with _timed("scan files", count):
        source = open_store(str(folder))
        rows = probe_rows(source, list_source(source))
        found = sum(row.width_px == 1200 for row in rows)
    if found != count:
        raise SystemExit(f"only {found} of {count} files were probed")


@contextmanager
def _timed(step: str, rows: int) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{step:24}{rows:>10}{seconds:>9.1f}{rows / seconds:>11.0f}{peak:>9.0f}", flush=True)


if __name__ == "__main__":
    main()
