"""Hostile keys, and a source next to images that a run must never read."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from PIL import Image

from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.schemas import MANIFEST_SCHEMA, METRICS_SCHEMA
from sr_core.archive.source.manifest import SOURCE_METADATA, image_id
from sr_core.archive.storage import open_store
from sr_core.archive.tables import manifest_table
from sr_core.audit.report.report import write_report
from sr_core.audit.verify.checks import verify_run
from sr_core.config import ExecutionConfig, JobConfig, RunConfig
from sr_core.records import ManifestRow
from tests.support.whole_run import run_here

SIZE = (48, 32)
COLOUR = (10, 200, 10)
GOOD = ["good.png", "sub/inner.png"]


def lay_out(folder: Path) -> Path:
    """Create a source photos/ with two good images, next to images that a run must never read.

    Returns:
        One of the latter: the canary.
    """
    canary = folder / "canary.png"
    Image.new("RGB", SIZE, (250, 5, 250)).save(canary)
    for name in ("outside", "photos-private", "home"):
        (folder / name).mkdir()
        shutil.copy(canary, folder / name)
    for key in GOOD:
        path = folder / "photos" / key
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", SIZE, COLOUR).save(path)
    (folder / "photos/link.png").symlink_to(canary)
    (folder / "photos/link-folder").symlink_to(folder / "outside")
    return canary


def hostile_keys(canary: Path) -> list[str]:
    folder = canary.parent
    return [
        "../../etc/passwd",
        "../canary.png",
        "../photos-private/canary.png",
        "sub/../../canary.png",
        "link-folder/../canary.png",
        "/etc/passwd",
        f"{canary}",
        f"/{canary}",
        f"{folder}/photos/../canary.png",
        "~/canary.png",
        "~root/.profile",
        "canary.png",
        "file:///etc/passwd",
        f"file://{canary}",
        f"file://{folder}/photos/%2e%2e/canary.png",
        "file:canary.png",
        "s3://other/x.png",
        "http://127.0.0.1:9/x.png",
        "good.png::http://127.0.0.1:9/",
        "simplecache::file://canary.png",
        "good.png\x00.jpg",
        "good\n.png",
        "\x1b]0;owned\x07.png",
        "..\\canary.png",
        "sub\\..\\..\\canary.png",
        "C:\\canary.png",
        "C:/canary.png",
        "//server/share/canary.png",
        "sub//inner.png",
        "sub/./inner.png",
        "good.png/",
        "good.png/.",
        "%2e%2e/canary.png",
        "\uff0e\uff0e/canary.png",
        "link.png",
        "link-folder/canary.png",
        ".srfleet-lock",
        "n" * 300 + ".png",
        "d/" * 600 + "x.png",
        "$(touch owned).png",
        "-rf.png",
        "sub",
        ".",
        "..",
        "",
    ]


def job(canary: Path, source: Path) -> JobConfig:
    return JobConfig(
        source=str(source),
        output=str(canary.parent / "out"),
        run=RunConfig(model="bicubic", max_output_megapixels=1),
        execution=ExecutionConfig(shard_megapixels=10, shard_images=100),
    )


def surroundings(folder: Path) -> dict[str, tuple[str, object]]:
    """Describe everything in a folder except the root of the run, and the folder's siblings."""
    found: dict[str, tuple[str, object]] = {"..": ("names", sorted(os.listdir(folder.parent)))}
    for path in folder.rglob("*"):
        if folder / "out" in (path, *path.parents):
            continue
        if path.is_symlink():
            found[str(path)] = ("link", os.readlink(path))
        elif path.is_file():
            found[str(path)] = ("file", path.read_bytes())
        else:
            found[str(path)] = ("folder", None)
    return found


def run_unharmed(canary: Path, source: Path) -> list[dict[str, Any]]:
    """Run, check that nothing outside was read or written, and return the rows."""
    before = surroundings(canary.parent)
    planned = job(canary, source)
    run_here(planned)
    root = open_store(planned.output)
    assert verify_run(root) == []
    write_report(root, source=open_store(str(canary.parent / "photos")))
    assert surroundings(canary.parent) == before
    rows: list[dict[str, Any]] = Ledger(root).latest_rows(METRICS_SCHEMA.names).to_pylist()
    secret = hashlib.sha256(canary.read_bytes()).hexdigest()
    assert secret not in {row["source_sha256"] for row in rows}
    for output in (canary.parent / "out" / "images").rglob("*.png"):
        with Image.open(output) as image:
            assert image.convert("RGB").getpixel((5, 5)) == COLOUR, output
    return rows


def hand_made(canary: Path, rows: list[ManifestRow]) -> Path:
    """Write a manifest that no scan produced."""
    table = manifest_table(rows).replace_schema_metadata(
        MANIFEST_SCHEMA.metadata | {SOURCE_METADATA: (canary.parent / "photos").as_uri().encode()}
    )
    path = canary.parent / "m.parquet"
    pq.write_table(table, path)
    return path


def claimed(key: str, **claims: Any) -> ManifestRow:
    """Return the row of a valid image of the size of the canary."""
    row = ManifestRow(image_id(key), key, 100, format="PNG", mode="RGB", pages=1)
    return replace(row, **{"width_px": SIZE[0], "height_px": SIZE[1]} | claims)
