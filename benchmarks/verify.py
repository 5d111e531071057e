"""Time and memory of `srfleet verify` on a synthetic run: `python -m benchmarks.verify`.

Writes a finished run of so many outputs of random bytes, verifies it in a process of its own and
prints a row of Markdown. With `--sample` only some outputs are read again.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from benchmarks.section import table
from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.ledger.runs import RunRecord, run_id_of
from sr_core.archive.planning.plan import make_plan
from sr_core.archive.planning.plan_file import plan_bytes
from sr_core.archive.source.manifest import digest_in_key_order, image_id
from sr_core.archive.storage import open_store
from sr_core.archive.tables import manifest_table, plan_rows
from sr_core.config import RunConfig
from sr_core.records import ManifestRow, MetricsRow, PlannedImage, Status

SHARD_IMAGES = 256
SOURCE = "s3://archive/photos"
COLUMNS = ("outputs", "bytes each", "read again", "wall s", "core s", "peak MiB")


def main() -> None:
    """Make a run, verify it, and print what that took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--outputs", type=int, default=20_000)
    parser.add_argument("--bytes", type=int, default=100_000, help="of each output")
    parser.add_argument("--sample", type=int, help="outputs to read again; default all")
    parser.add_argument("--root", type=Path, help="keep the run here, or take it from here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="srfleet-verify-") as folder:
        root = options.root or Path(folder) / "run"
        if not (root / "_SUCCESS.json").exists():
            # In a process of its own: the peak of a child counts that of its parent at the fork.
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as maker:
                maker.submit(make_run, root, options.outputs, options.bytes).result()
        print(
            table(
                COLUMNS,
                [[str(options.outputs), str(options.bytes), *verified(root, options.sample)]],
            )
        )


def make_run(root: Path, outputs: int, size_bytes: int) -> None:
    """Write a finished run."""
    keys = [f"{number // 1000:04d}/photograph-{number:07d}.jpg" for number in range(outputs)]
    rows = [
        ManifestRow(
            image_id(key),
            key,
            size_bytes=5000,
            etag=f"{number:032x}",
            format="JPEG",
            mode="RGB",
            width_px=320,
            height_px=240,
            pages=1,
        )
        for number, key in enumerate(keys)
    ]
    manifest = manifest_table(rows)
    config = RunConfig(model="bicubic", precision="float32")
    deciding = {
        "source_uri": SOURCE,
        "config": config.model_dump(mode="json"),
        "manifest_digest": digest_in_key_order(manifest),
        "checkpoint_sha256": None,
        "metric_protocol": "2",
    }
    record = RunRecord(
        run_id=run_id_of(**deciding), versions={}, created_at=datetime.now(UTC), **deciding
    )
    ledger = Ledger(open_store(str(root)))
    ledger.open_run(record)
    plan = make_plan(manifest, run=config, shard_megapixels=1e9, shard_images=SHARD_IMAGES)
    ledger.put_plan(0, plan_bytes(plan, record.run_id))
    generator = np.random.default_rng(0)
    for shard in range(plan.shards):
        start = shard * SHARD_IMAGES
        images = plan_rows(plan.table.slice(start, SHARD_IMAGES))
        ledger.commit(0, shard, [_upscaled(root, each, generator, size_bytes) for each in images])
    ledger.close_rounds(ledger.snapshot())


def _upscaled(
    root: Path, planned: PlannedImage, generator: np.random.Generator, size_bytes: int
) -> MetricsRow:
    """Write an output, past the store and its syncs, and return its row."""
    data = generator.bytes(size_bytes)
    path = root / str(planned.output_key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    image = planned.image
    return MetricsRow(
        image_id=image.image_id,
        key=image.key,
        round=0,
        shard=planned.shard,
        attempt="0123456789ab",
        status=Status.OK,
        source_uri=f"{SOURCE}/{image.key}",
        source_size_bytes=image.size_bytes,
        source_etag=image.etag,
        source_sha256=hashlib.sha256(image.key.encode()).hexdigest(),
        format_in="JPEG",
        mode_in="RGB",
        bit_depth=8,
        width_in_px=image.width_px,
        height_in_px=image.height_px,
        pages=1,
        orientation_in=1,
        output_key=planned.output_key,
        format_out=planned.output_format,
        width_out_px=planned.output_width_px,
        height_out_px=planned.output_height_px,
        output_size_bytes=size_bytes,
        output_sha256=hashlib.sha256(data).hexdigest(),
        model="bicubic",
        lr_psnr_db=float(generator.uniform(30, 50)),
        colour_drift_delta_e=float(generator.uniform(0, 1)),
        sharpness_gain=float(generator.uniform(0.5, 2)),
        finished_at=datetime.now(UTC),
        worker="benchmark",
    )


def verified(root: Path, sample: int | None) -> list[str]:
    """Verify a run; return outputs read, seconds, core seconds and peak memory."""
    command = [sys.executable, "-m", "jobs", "verify", str(root)]
    if sample is not None:
        command += ["--sample", str(sample)]
    started, before = time.monotonic(), os.times()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wall_s, after = time.monotonic() - started, os.times()
    if done.returncode:
        raise RuntimeError(f"exit code {done.returncode}: {done.stdout[-2000:]}{done.stderr}")
    core_s = sum(after[2:4]) - sum(before[2:4])
    peak_mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    read = next(line for line in done.stdout.splitlines() if "read again" in line)
    return [read.split(" of ")[0], f"{wall_s:.1f}", f"{core_s:.1f}", f"{peak_mib:.0f}"]


if __name__ == "__main__":
    main()
