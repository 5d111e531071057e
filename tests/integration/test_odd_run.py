"""A run over the odd files of photo folders: N files in, N rows out, and good images intact."""

from __future__ import annotations

import io
import os
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from sr_core.archive.storage import open_store
from sr_core.audit.report.report import write_report
from sr_core.config import ExecutionConfig, JobConfig, RunConfig
from tests.support.commands import srfleet_here
from tests.support.image_files import every_format, picture, png, saved
from tests.support.photographs import write_photographs
from tests.support.whole_run import run_here

# Pillow warns while it reads what it can of the EXIF tags of damaged TIFF files.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

GOOD = "m-good"  # in the middle of the listing


def job(source: Path, output: Path) -> JobConfig:
    return JobConfig(
        source=str(source),
        output=str(output),
        # The mark names the run, and the two runs differ.
        run=RunConfig(model="bicubic", target=(240, 240), max_source_megapixels=30, mark=False),
        execution=ExecutionConfig(shard_megapixels=100, shard_images=64),
    )


def damaged() -> Iterator[tuple[str, bytes]]:
    """Truncate a file of each format at three positions, and flip bits in it in four ways."""
    rng = np.random.default_rng(3)
    for name, data in every_format().items():
        extension = name.lower()
        for share in (0.1, 0.5, 0.95):
            yield f"cut-{share}.{extension}", data[: int(len(data) * share)]
        for number in range(4):
            flipped = bytearray(data)
            for place in rng.integers(0, len(data) if number % 2 else 200, 3):
                flipped[place] ^= 1 << rng.integers(0, 8)
            yield f"flipped-{number}.{extension}", bytes(flipped)


def write_oddities(folder: Path) -> dict[str, str | None]:
    """Write odd files; return the expected error class of each by key, None for success."""
    inside = folder / "x.jpg"
    inside.mkdir()
    bomb = png(size=(6000, 6000), idat=zlib.compress(bytes((3 * 6000 + 1) * 6000), 9))
    sound = saved(picture(), "PNG")
    files: dict[str, tuple[bytes, str | None]] = {
        "Thumbs.db": (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(4096), "system_file"),
        ".DS_Store": (b"\0\0\0\1Bud1\0\0\x10\0" + bytes(4096), "system_file"),
        "empty.jpg": (b"", "decode"),
        "page.jpg": (b"<!doctype html><title>404 Not Found</title>", "unsupported_format"),
        "drawing.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "unsupported_format"),
        "bomb.png": (bomb, "too_large"),
        "half.png": (sound[: len(sound) // 2], "decode"),
        "moving.gif": (moving(), "animated"),
        "x.jpg/inner.png": (sound, None),
        "no-extension": (sound, None),
        "wrong-extension.jpg": (sound, None),
        "katze \U0001f408 & söhne #1 %41?.png": (sound, None),
        "line\nbreak.png": (sound, "key_rejected"),
        "bell\x07 and \x1b[31m.png": (sound, "key_rejected"),
        "~tilde.png": (sound, "key_rejected"),
        "a::b.png": (sound, "key_rejected"),
    }
    for key, (data, _) in files.items():
        (folder / key).write_bytes(data)
    expected = {key: error_class for key, (_, error_class) in files.items()}
    with open(os.path.join(os.fsencode(folder), b"caf\xe9.png"), "wb") as file:
        file.write(sound)
    expected["caf\ufffd<E9>.png"] = "key_rejected"
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "secret.png").write_bytes(sound)
    for name, target in (
        ("out.png", outside / "secret.png"),
        ("out-folder", outside),
        ("dangling.png", folder / "nothing.png"),
        ("loop.png", folder / "loop.png"),
    ):
        (folder / name).symlink_to(target)
    os.mkfifo(folder / "pipe.png")
    unreadable = ["out.png", "out-folder", "loop.png"]
    others = {"dangling.png": "not_found", "pipe.png": "special_file"}
    return expected | dict.fromkeys(unreadable, "key_rejected") | others


def moving() -> bytes:
    file = io.BytesIO()
    frames = [picture("P").rotate(angle) for angle in (0, 90, 180)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


def files_of(folder: Path) -> int:
    """Count everything that is not a folder, as `find -not -type d` does."""
    return sum(1 for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())


def outputs(output: Path) -> dict[str, bytes]:
    folder = output / "images" / GOOD
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def measures(row: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a row that describe the image, not the attempt."""
    attempt = ("_ms", "shard", "finished_at", "source_uri", "source_etag")
    return {name: value for name, value in row.items() if not name.endswith(attempt)}


def test_every_file_becomes_a_row_and_the_good_ones_do_not_notice(
    shared: Path, tmp_path: Path
) -> None:
    source, clean = tmp_path / "photos", tmp_path / "clean"
    good = write_photographs(source / GOOD, 6, side=60)
    shutil.copytree(source / GOOD, clean / GOOD)
    expected = write_oddities(source)
    shutil.copytree(shared / "data" / "odd", source / "odd")
    for key, data in damaged():
        (source / key).write_bytes(data)
    mixed, alone = job(source, tmp_path / "out"), job(clean, tmp_path / "clean-out")
    # Some are larger than the budget and must wait until they are alone.
    run_here(mixed, io_threads=4, budget_megapixels=1)
    run_here(alone)

    rows = {row["key"]: row for row in pq.read_table(tmp_path / "out/metrics").to_pylist()}
    assert len(rows) == files_of(source) > 250
    classes = {key: row["error_class"] for key, row in rows.items()}
    assert "internal" not in classes.values()
    assert {key: classes[key] for key in expected} == expected
    broken = {key for key in rows if key.startswith("odd/pngsuite/x")}
    assert all(classes[key] for key in broken)
    sound = {key for key in rows if key.startswith(("odd/pngsuite/", "odd/exif-orientation/"))}
    assert not any(classes[key] for key in sound - broken)

    assert outputs(tmp_path / "out") == outputs(tmp_path / "clean-out")
    table = pq.read_table(tmp_path / "clean-out/metrics").to_pylist()
    assert sorted(row["key"] for row in table) == [f"{GOOD}/{key}" for key in good]
    for row in table:
        assert measures(rows[row["key"]]) == measures(row)

    assert srfleet_here("verify", mixed.output).exit_code == 0
    assert srfleet_here("status", mixed.output).exit_code == 3
    write_report(open_store(mixed.output), source=open_store(mixed.source))
    assert (tmp_path / "out/report.html").stat().st_size > 10_000
