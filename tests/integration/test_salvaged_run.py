"""A run of damaged files, with and without --salvage."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from jobs.cli.display import outcome
from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.schemas import METRICS_SCHEMA
from sr_core.archive.storage import open_store
from sr_core.audit.report.report import write_report
from sr_core.audit.verify.checks import verify_run
from sr_core.config import ExecutionConfig, JobConfig, RunConfig
from sr_core.engine.files import FileUpscaler
from sr_core.errors import ErrorClass, ImageError
from tests.support.image_files import picture, saved
from tests.support.whole_run import run_here

HEIGHT, SCALE = 160, 2


def cut_photograph() -> bytes:
    data = saved(picture(height=HEIGHT, width=120), "JPEG", subsampling=0)
    return data[: len(data) // 2]


def run(folder: Path, *, salvage: bool) -> dict[str, dict[str, Any]]:
    source = folder / "photos"
    source.mkdir()
    (source / "cut.jpg").write_bytes(cut_photograph())
    (source / "whole.jpg").write_bytes(saved(picture(), "JPEG"))
    settings = RunConfig(model="bicubic", scale=SCALE, format="png", salvage=salvage)
    execution = ExecutionConfig(shard_megapixels=10)
    run_here(
        JobConfig(source=str(source), output=str(folder / "out"), run=settings, execution=execution)
    )
    root = open_store(str(folder / "out"))
    assert verify_run(root) == []
    rows = Ledger(root).latest_rows(METRICS_SCHEMA.names).to_pylist()
    return {row["key"]: row for row in rows}


def test_a_damaged_file_fails_and_its_message_names_the_remedy(tmp_path: Path) -> None:
    rows = run(tmp_path, salvage=False)
    assert rows["cut.jpg"]["error_class"] == "decode"
    assert "--salvage" in rows["cut.jpg"]["error_message"]
    assert rows["cut.jpg"]["decoded_share"] is None
    assert rows["whole.jpg"]["decoded_share"] == 1


def test_its_readable_part_is_upscaled_on_request_and_counted(tmp_path: Path) -> None:
    rows = run(tmp_path, salvage=True)
    row = rows["cut.jpg"]
    assert (row["status"], row["error_class"]) == ("ok", None)
    assert row["warnings"][0].startswith("salvaged: ")
    assert 0 < row["decoded_share"] < 1
    top = SCALE * round(row["decoded_share"] * HEIGHT)
    with Image.open(tmp_path / "out" / row["output_key"]) as image:
        pixels = np.asarray(image)
    assert len(pixels) == SCALE * HEIGHT
    assert np.all(pixels[top:] == 128)
    assert not np.all(pixels[top - SCALE : top] == 128)
    root = open_store(str(tmp_path / "out"))
    progress = Ledger(root).snapshot().progress
    assert progress.salvaged == 1
    assert outcome(progress.statuses, {}, progress.salvaged) == "2 ok (1 salvaged)"
    write_report(root, source=None)
    assert b"Salvaged" in (tmp_path / "out" / "report.html").read_bytes()


def test_files_in_memory_are_salvaged_likewise() -> None:
    with pytest.raises(ImageError) as caught:
        FileUpscaler(RunConfig(model="bicubic")).upscale(cut_photograph())
    assert caught.value.error_class is ErrorClass.DECODE
    made = FileUpscaler(RunConfig(model="bicubic", format="png", salvage=True)).upscale(
        cut_photograph()
    )
    with Image.open(io.BytesIO(made.data)) as image:
        assert np.all(np.asarray(image)[-4:] == 128)
