"""A run with `bitonal: keep`: fax stays fax, all other pages stay what they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageSequence
from pydantic import ValidationError

from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.ledger.runs import identity, to_json
from sr_core.archive.storage import open_store
from sr_core.audit.verify.checks import verify_run
from sr_core.config import ExecutionConfig, JobConfig, RunConfig
from sr_core.engine.files import FileUpscaler
from sr_core.engine.prepare import open_run
from sr_core.errors import ConfigurationError
from sr_core.imaging.codecs import decode, encode
from sr_core.imaging.codecs.formats import Page, Picture
from sr_core.imaging.resample import resize_pixels
from sr_core.metrics.blind import lr_psnr
from tests.support.image_files import LIMITS, saved, scene
from tests.support.line_art import line_art, samples
from tests.support.photograph import photograph
from tests.support.whole_run import run_here


def write_pages(folder: Path) -> None:
    folder.mkdir()
    (folder / "fax.tif").write_bytes(
        saved(line_art(), "TIFF", compression="group4", dpi=(204, 196))
    )
    (folder / "line.png").write_bytes(saved(line_art(), "PNG"))
    (folder / "photo.png").write_bytes(saved(Image.fromarray(scene(40, 56)), "PNG"))
    mixed = (Page(samples(line_art()), bitonal=True), Page(photograph(60, 50, 3, np.uint8)))
    (folder / "mixed.tif").write_bytes(bytes(encode(Picture(mixed), "tiff", 95)))


def job(folder: Path, **settings: Any) -> JobConfig:
    return JobConfig(
        source=str(folder / "photos"),
        output=str(folder / "out"),
        run=RunConfig(**{"model": "bicubic", "scale": 2} | settings),
        execution=ExecutionConfig(shard_megapixels=1, shard_images=4),
    )


def run(folder: Path, **settings: Any) -> dict[str, dict[str, Any]]:
    run_here(job(folder, **settings))
    assert verify_run(open_store(str(folder / "out"))) == []
    return {row["key"]: row for row in pq.read_table(folder / "out/metrics").to_pylist()}


def test_fax_stays_fax_and_the_rest_stays_what_it_is(tmp_path: Path) -> None:
    write_pages(tmp_path / "photos")
    found = run(tmp_path, bitonal="keep")
    formats = {key: (row["status"], row["format_out"]) for key, row in found.items()}
    assert formats == {
        "fax.tif": ("ok", "tiff"),
        "line.png": ("ok", "tiff"),
        "mixed.tif": ("ok", "tiff"),
        "photo.png": ("ok", "png"),
    }
    with Image.open(tmp_path / "out" / found["fax.tif"]["output_key"]) as image:
        assert (image.mode, image.size) == ("1", (262, 180))
        assert image.info["compression"] == "group4"
        assert [round(value) for value in image.info["dpi"]] == [204, 196]
    with Image.open(tmp_path / "out" / found["mixed.tif"]["output_key"]) as image:
        assert [page.mode for page in ImageSequence.Iterator(image)] == ["1", "RGB"]
    # The row describes the stored bytes, not the grey pixels before the threshold.
    stored = (tmp_path / "out" / found["fax.tif"]["output_key"]).read_bytes()
    shrunk = resize_pixels(decode(stored, LIMITS).pages[0].pixels, 90, 131, "bicubic")
    expected = lr_psnr(shrunk, samples(line_art()))
    assert found["fax.tif"]["lr_psnr_db"] == pytest.approx(expected, abs=0.01)


def test_grey_is_the_default(tmp_path: Path) -> None:
    data = saved(line_art(), "TIFF", compression="group4")
    grey = FileUpscaler(RunConfig(model="bicubic", scale=2)).upscale(data)
    kept = FileUpscaler(RunConfig(model="bicubic", scale=2, bitonal="keep")).upscale(data)
    levels = [np.unique(decode(each.data, LIMITS).pages[0].pixels) for each in (grey, kept)]
    assert len(levels[0]) > 20
    assert levels[1].tolist() == [0, 255]


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "jxl", "ptif"])
def test_formats_that_hold_no_fax_are_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="needs format source or tiff, not"):
        RunConfig(format=name, bitonal="keep")


def test_a_run_that_began_without_the_setting_is_resumed_in_grey(tmp_path: Path) -> None:
    write_pages(tmp_path / "photos")
    run(tmp_path)
    ledger = Ledger(open_store(str(tmp_path / "out")))
    began = ledger.run()
    assert began is not None
    config = {name: value for name, value in began.config.items() if name != "bitonal"}
    former = replace(began, config=config)
    former = replace(former, run_id=identity(former))
    (tmp_path / "out" / "run.json").write_bytes(to_json(former))
    assert open_run(job(tmp_path))[0].record.run_id == former.run_id
    with pytest.raises(ConfigurationError, match="bitonal"):
        open_run(job(tmp_path, bitonal="keep"))
