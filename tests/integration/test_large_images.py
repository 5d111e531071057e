"""Images too large for memory: the same outputs and rows, in bounded memory."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import tifffile
from PIL import Image

from jobs.upscale.memory import Shares
from sr_core import scratch
from sr_core.archive.storage import open_store
from sr_core.audit.verify.checks import verify_run
from sr_core.config import ExecutionConfig, JobConfig, RunConfig
from tests.support.image_files import saved
from tests.support.photograph import photograph
from tests.support.whole_run import run_here

MEASURES = (
    "lr_psnr_db",
    "colour_drift_delta_e",
    "sharpness_gain",
    "self_psnr_y_db",
    "psnr_y_db",
    "width_out_px",
    "height_out_px",
    "pages",
    "warnings",
)


@pytest.fixture
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat every picture and file as if it had gigabytes."""
    monkeypatch.setattr(scratch, "limit_bytes", 1000)
    monkeypatch.setattr("sr_core.imaging.codecs.jpeg.strips._STRIP_PX", 0)
    monkeypatch.setattr("sr_core.archive.storage.blobs._RANGE_BYTES", 5000)


def write_sources(folder: Path) -> None:
    """Write pictures of all depths, channels and formats, with alpha, with pages, and twins."""
    folder.mkdir()
    rgb, alpha = photograph(61, 83), photograph(61, 83, 1, seed=3)
    files = {
        "rgb.jpg": saved(Image.fromarray(rgb), "JPEG", quality=95),
        "grey.jpg": saved(Image.fromarray(rgb[..., 0]), "JPEG", quality=95),
        "alpha.png": saved(Image.fromarray(np.dstack([rgb, alpha])), "PNG"),
        "grey.png": saved(Image.fromarray(rgb[..., 1]), "PNG"),
        "rgb.webp": saved(Image.fromarray(rgb), "WEBP", quality=95),
    }
    pages = io.BytesIO()
    with tifffile.TiffWriter(pages) as file:
        file.write(photograph(40, 50, 3, np.uint16), photometric="rgb")
        file.write(photograph(30, 20, 3, np.uint16), photometric="rgb")
    files["deep.tif"] = pages.getvalue()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    shutil.copy(folder / "rgb.jpg", folder / "twin.jpg")


def job(folder: Path, output: str, **run: Any) -> JobConfig:
    return JobConfig(
        source=str(folder / "photos"),
        output=str(folder / output),
        run=RunConfig(**{"model": "bicubic"} | run),
        execution=ExecutionConfig(shard_megapixels=100),
    )


def rows(root: Path) -> dict[str, dict[str, Any]]:
    assert verify_run(open_store(str(root))) == []
    return {row["key"]: row for row in pq.read_table(root / "metrics").to_pylist()}


def pixels(path: Path) -> list[Any]:
    if path.suffix == ".tif":
        with tifffile.TiffFile(path) as file:
            return [page.asarray() for page in file.pages]
    with Image.open(path) as image:
        return [np.asarray(image)]


@pytest.mark.parametrize("run", [{"format": "source"}, {"format": "jpeg"}, {"scale": 2}], ids=str)
def test_large_images_end_as_small_ones_do(
    tmp_path: Path, run: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    write_sources(tmp_path / "photos")
    run_here(job(tmp_path, "small", **run))
    request.getfixturevalue("everything_is_large")
    run_here(job(tmp_path, "large", **run))
    small, large = rows(tmp_path / "small"), rows(tmp_path / "large")
    assert len(small) == 7
    assert sum(row["same_pixels_as"] is not None for row in large.values()) == 1
    for key, row in small.items():
        assert row["status"] == "ok"
        assert {name: large[key][name] for name in MEASURES} == {
            name: row[name] for name in MEASURES
        }
        for one, other in zip(
            pixels(tmp_path / "small" / row["output_key"]),
            pixels(tmp_path / "large" / large[key]["output_key"]),
            strict=True,
        ):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("alpha", [False, True], ids=["opaque", "alpha"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_images_side_by_side_keep_to_their_share_of_memory(
    dtype: Any, alpha: bool, tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    for number in range(6):
        samples: Any = photograph(300, 400, 3, dtype, seed=number)
        if alpha:
            samples = np.dstack([samples, photograph(300, 400, 1, dtype, seed=9)])
        tifffile.imwrite(
            tmp_path / f"photos/{number}.tif",
            samples,
            photometric="rgb",
            extrasamples=["unassalpha"] if alpha else None,
        )
    shares = Shares(tiles=0, images=72 << 20)
    run_here(job(tmp_path, "warm"), budget_megapixels=shares.megapixels)
    tracemalloc.start()
    run_here(job(tmp_path, "out"), io_threads=4, budget_megapixels=shares.megapixels)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < shares.images


@pytest.mark.usefixtures("everything_is_large")
def test_large_outputs_of_a_killed_shard_are_adopted(tmp_path: Path) -> None:
    write_sources(tmp_path / "photos")
    run_here(job(tmp_path, "out"))
    first = rows(tmp_path / "out")
    shutil.rmtree(tmp_path / "out/metrics")
    (tmp_path / "out/_SUCCESS.json").unlink()
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "out/images").iterdir()}
    run_here(job(tmp_path, "out"), "second attempt")
    assert {path: path.stat().st_mtime_ns for path in written} == written
    for key, row in rows(tmp_path / "out").items():
        assert row["adopted"]
        assert row["output_sha256"] == first[key]["output_sha256"]
        assert {name: row[name] for name in MEASURES} == {
            name: first[key][name] for name in MEASURES
        }


def test_pages_that_are_larger_together_than_one_may_be_are_adopted(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with tifffile.TiffWriter(tmp_path / "photos/pages.tif") as file:
        for seed in range(3):
            file.write(photograph(60, 80, 3, seed=seed), photometric="rgb")
    limited = job(tmp_path, "out", max_output_megapixels=0.1)
    run_here(limited)
    shutil.rmtree(tmp_path / "out/metrics")
    (tmp_path / "out/_SUCCESS.json").unlink()
    run_here(limited, "second attempt")
    (row,) = rows(tmp_path / "out").values()
    assert (row["status"], row["adopted"]) == ("ok", True)


@pytest.mark.usefixtures("everything_is_large")
@pytest.mark.parametrize("name", ["alpha.png", "rgb.jpg", "deep.tif"])
def test_a_large_output_that_was_cut_is_a_conflict(tmp_path: Path, name: str) -> None:
    write_sources(tmp_path / "photos")
    run_here(job(tmp_path, "out"))
    shutil.rmtree(tmp_path / "out/metrics")
    (tmp_path / "out/_SUCCESS.json").unlink()
    output = tmp_path / "out/images" / name
    output.write_bytes(output.read_bytes()[:-3000])
    run_here(job(tmp_path, "out"), "second attempt")
    table = pq.read_table(tmp_path / "out/metrics").to_pylist()
    assert {row["key"] for row in table if row["error_class"] == "conflict"} == {name}


PROGRAM = """
import re, sys
from pathlib import Path
from sr_core import scratch
from tests.integration.test_large_images import job
from tests.support.whole_run import run_here

def peak_mib():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

folder, name = Path(sys.argv[1]), sys.argv[2]
run_here(job(folder / "first", "out", format=name))
before = peak_mib()
scratch.limit_bytes = 8 << 20
run_here(job(folder, "out", format=name))
print(peak_mib() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak memory from /proc")
@pytest.mark.parametrize("name", ["png", "jpeg", "tiff"])
def test_a_large_job_takes_less_memory_than_its_output(tmp_path: Path, name: str) -> None:
    """52 MP of output are 151 MiB, which used to be in memory three times."""
    for folder, size in ((tmp_path / "first", (60, 40)), (tmp_path, (2200, 1480))):
        (folder / "photos").mkdir(parents=True)
        image = Image.fromarray(photograph(40, 60)).resize(size, Image.Resampling.BICUBIC)
        image.save(folder / "photos/a.png")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), name],
        check=True,
        capture_output=True,
        text=True,
    )
    (row,) = rows(tmp_path / "out").values()
    assert (row["status"], row["width_out_px"]) == ("ok", 8800)
    assert 8 < float(done.stdout) < 140, "MiB"
