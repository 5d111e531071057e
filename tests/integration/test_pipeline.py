"""One run through the real pipeline: each image ends in one row that describes its output."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from jobs.upscale.run import upscale
from sr_core.archive.storage import open_store
from sr_core.audit.verdicts.making import LEAST_IMAGES, make_baseline
from sr_core.audit.verify.checks import verify_run
from sr_core.config import ExecutionConfig, JobConfig, RunConfig
from sr_core.engine import prepare
from sr_core.errors import (
    ConfigurationError,
    ErrorClass,
    ImageError,
    StorageUnavailableError,
)
from sr_core.imaging.pixels import Pixels
from sr_core.inference.upscaled import Upscaled
from sr_core.inference.upscaler import Interpolator, open_upscaler
from sr_core.scratch import Blob
from tests.support.colour_kinds import grey_profile, p3_profile
from tests.support.photographs import write_photographs
from tests.support.store_decorator import StoreDecorator
from tests.support.watched_store import WatchedStore
from tests.support.whole_run import run_here


def job(folder: Path, **run: Any) -> JobConfig:
    return JobConfig(
        source=str(folder / "photos"),
        output=str(folder / "out"),
        run=RunConfig(**{"model": "bicubic", "format": "png"} | run),
        execution=ExecutionConfig(shard_megapixels=1, shard_images=4),
    )


def rows(folder: Path) -> dict[str, dict[str, Any]]:
    assert verify_run(open_store(str(folder / "out"))) == []
    return {row["key"]: row for row in pq.read_table(folder / "out/metrics").to_pylist()}


def opened(path: Path) -> Image.Image:
    """Load an image and close its file."""
    with Image.open(path) as image:
        image.load()
        return image


class Counting(Interpolator):
    """Bicubic interpolation that counts the whole images that it upscales."""

    def __init__(self, whole_height: int) -> None:
        super().__init__("bicubic")
        self.whole_height, self.images = whole_height, 0

    def upscale(self, pixels: Pixels, height: int, width: int) -> Upscaled:
        self.images += pixels.shape[0] == self.whole_height
        return super().upscale(pixels, height, width)


class Failing(Interpolator):
    """Bicubic interpolation that raises an error for whole images of some heights."""

    def __init__(self, errors: dict[int, Exception]) -> None:
        super().__init__("bicubic")
        self.errors = errors

    def upscale(self, pixels: Pixels, height: int, width: int) -> Upscaled:
        if pixels.shape[0] in self.errors:
            raise self.errors[pixels.shape[0]]
        return super().upscale(pixels, height, width)


def test_an_error_of_one_image_becomes_its_row_with_all_that_was_known(tmp_path: Path) -> None:
    keys = write_photographs(tmp_path / "photos", 4)
    shutil.copy(tmp_path / "photos" / keys[1], tmp_path / "photos" / "twin.jpg")
    heights = [opened(tmp_path / "photos" / key).height for key in keys]
    errors: dict[int, Exception] = {
        heights[0]: MemoryError(),
        heights[1]: ImageError(ErrorClass.OUT_OF_MEMORY, "too large for the device"),
        heights[2]: ZeroDivisionError("unforeseen"),
    }
    run_here(job(tmp_path, measure=False), upscaler=Failing(errors))
    found = rows(tmp_path)
    messages = {key: (row["error_class"], row["error_message"]) for key, row in found.items()}
    assert messages == {
        keys[0]: ("out_of_memory", "not enough memory to upscale"),
        keys[1]: ("out_of_memory", "too large for the device"),
        "twin.jpg": ("out_of_memory", "too large for the device"),
        keys[2]: ("internal", "ZeroDivisionError: unforeseen"),
        keys[3]: (None, None),
    }
    for key in (*keys[:3], "twin.jpg"):
        row = found[key]
        assert row["source_sha256"] is not None
        assert row["width_in_px"] is not None
        assert row["upscale_ms"] > 0
        assert row["device_wait_ms"] >= 0
        assert (
            row["encode_ms"] is row["output_key"] is row["engine"] is row["same_pixels_as"] is None
        )


def test_a_row_describes_the_bytes_that_stand(tmp_path: Path) -> None:
    write_photographs(tmp_path / "photos", 5, side=80)
    run_here(job(tmp_path, format="source"))
    for key, row in rows(tmp_path).items():
        output = tmp_path / "out" / row["output_key"]
        data = output.read_bytes()
        with Image.open(output) as image, Image.open(tmp_path / "photos" / key) as source:
            assert image.size == (4 * source.width, 4 * source.height)
            assert image.size == (row["width_out_px"], row["height_out_px"])
            assert image.format == source.format == row["format_in"]
        assert hashlib.sha256(data).hexdigest() == row["output_sha256"]
        assert row["output_size_bytes"] == len(data)
        source_bytes = (tmp_path / "photos" / key).read_bytes()
        assert row["source_sha256"] == hashlib.sha256(source_bytes).hexdigest()
        assert row["lr_psnr_db"] > 30
        assert row["self_psnr_y_db"] == row["self_psnr_y_bicubic_db"]
        assert all(row[f"{stage}_ms"] > 0 for stage in ("fetch", "decode", "upscale", "put"))


def test_identical_sources_are_upscaled_once(tmp_path: Path) -> None:
    keys = write_photographs(tmp_path / "photos", 2)
    for number in range(2):  # four images make one shard
        shutil.copy(tmp_path / "photos" / keys[0], tmp_path / "photos" / f"copy-{number}.png")
    counting = Counting(24)  # the side of the first photograph alone
    run_here(job(tmp_path, mark=False), upscaler=counting)
    assert counting.images == 1
    found = rows(tmp_path)
    twins = [row for row in found.values() if row["same_pixels_as"]]
    assert len(twins) == 2
    first = next(row for row in found.values() if row["image_id"] == twins[0]["same_pixels_as"])
    for twin in twins:
        assert twin["output_sha256"] == first["output_sha256"]
        assert twin["lr_psnr_db"] == first["lr_psnr_db"]


def test_a_row_names_the_engine_that_made_its_pixels(tmp_path: Path) -> None:
    keys = write_photographs(tmp_path / "photos", 2)
    shutil.copy(tmp_path / "photos" / keys[0], tmp_path / "photos" / "twin.png")
    made = job(tmp_path, model="srresnet")
    engine = open_upscaler("srresnet").engine
    assert engine is not None
    run_here(made)
    assert {row["engine"] for row in rows(tmp_path).values()} == {engine}
    shutil.rmtree(tmp_path / "out/metrics")
    (tmp_path / "out/_SUCCESS.json").unlink()
    (tmp_path / "out" / outputs_by_key(tmp_path)[keys[1]]).unlink()
    run_here(made, "second attempt")
    found = {row["key"]: (row["engine"], row["adopted"]) for row in rows(tmp_path).values()}
    assert found == {keys[0]: (None, True), "twin.png": (None, True), keys[1]: (engine, False)}


def outputs_by_key(folder: Path) -> dict[str, str]:
    """Return the output of each source by key."""
    plan = pq.read_table(folder / "out/plan.parquet")
    outputs = plan["output_key"].to_pylist()
    return dict(zip(plan["key"].to_pylist(), outputs, strict=True))


def test_a_source_that_changed_after_the_plan_is_not_mixed_in(tmp_path: Path) -> None:
    keys = write_photographs(tmp_path / "photos", 3)
    changed = tmp_path / "photos" / keys[1]

    planned = job(tmp_path)

    def change_after_plan(store: Any) -> Any:
        def after() -> None:
            if (tmp_path / "out/plan.parquet").exists() and not changed.with_suffix(".x").exists():
                changed.with_suffix(".x").touch()
                Image.new("RGB", (9, 9)).save(changed)

        return WatchedStore(store, after=after)

    run_here(planned, watch=change_after_plan)
    found = rows(tmp_path)
    assert found[keys[1]]["error_class"] == "source_changed"
    assert found[keys[1]]["output_key"] is None
    assert sum(row["status"] == "ok" for row in found.values()) == 2


def test_a_foreign_object_in_the_way_is_a_conflict_and_stays(tmp_path: Path) -> None:
    keys = write_photographs(tmp_path / "photos", 3)
    planned = job(tmp_path)
    foreign = tmp_path / "foreign.png"
    Image.new("RGB", (5, 5)).save(foreign)

    def put_something(store: Any) -> Any:
        def after() -> None:
            if (tmp_path / "out/plan.parquet").exists():
                (tmp_path / "out/images").mkdir(exist_ok=True)
                with suppress(FileExistsError):  # a link appears whole, whoever reads beside it
                    (tmp_path / "out/images/000.png").hardlink_to(foreign)

        return WatchedStore(store, after=after)

    run_here(planned, watch=put_something)
    found = {row["key"]: row for row in pq.read_table(tmp_path / "out/metrics").to_pylist()}
    assert found[keys[0]]["error_class"] == "conflict"
    assert "5x5" in found[keys[0]]["error_message"]
    assert opened(tmp_path / "out/images/000.png").size == (5, 5)


@pytest.mark.parametrize("stays", [True, False])
def test_an_empty_file_that_gets_in_between_does_not_pass_for_the_output(
    tmp_path: Path, stays: bool
) -> None:
    keys = write_photographs(tmp_path / "photos", 1)
    foreign = tmp_path / "out" / "images" / keys[0]

    class Overtaken(StoreDecorator):
        def put_if_absent(
            self, key: str, data: Blob, metadata: Mapping[str, str] | None = None
        ) -> bool:
            if key.startswith("images/"):
                foreign.parent.mkdir()
                foreign.touch()
            written = super().put_if_absent(key, data, metadata)
            if not stays:
                foreign.unlink(missing_ok=True)
            return written

    run_here(job(tmp_path), watch=Overtaken)
    assert rows(tmp_path)[keys[0]]["error_class"] == "conflict"
    assert foreign.exists() == stays


@pytest.mark.parametrize("has_report", [True, False])
def test_a_start_of_a_finished_run_reads_every_part_once_and_once_more_for_the_verdicts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_report: bool
) -> None:
    write_photographs(tmp_path / "photos", 9)
    run_here(job(tmp_path))
    if has_report:
        (tmp_path / "out/report.html").touch()
    watched = WatchedStore(open_store(str(tmp_path / "out")))
    monkeypatch.setattr(prepare, "open_store", lambda _: watched)
    ended = upscale(job(tmp_path), Silent())
    assert ended.statuses == {"ok": 9}
    parts = {key: n for (method, key), n in watched.keys.items() if key.startswith("metrics/shard")}
    assert list(parts.values()) == [2] * 3


class Silent:
    """An observer that takes no notice."""

    def observe(self, event: object) -> None:
        pass


def test_another_configuration_on_the_same_root_is_refused(tmp_path: Path) -> None:
    write_photographs(tmp_path / "photos", 2)
    run_here(job(tmp_path))
    before = sorted((tmp_path / "out").rglob("*"))
    with pytest.raises(ConfigurationError, match='"bicubic" -> "nearest"'):
        run_here(job(tmp_path, model="nearest"))
    assert sorted((tmp_path / "out").rglob("*")) == before


def test_storage_that_goes_away_commits_nothing_and_blames_no_image(tmp_path: Path) -> None:
    write_photographs(tmp_path / "photos", 3)

    class Full(StoreDecorator):
        def put_if_absent(
            self, key: str, data: Blob, metadata: Mapping[str, str] | None = None
        ) -> bool:
            if key.startswith("images/"):
                raise StorageUnavailableError("the disk is full; free some space")
            return super().put_if_absent(key, data, metadata)

    with pytest.raises(StorageUnavailableError, match="disk is full"):
        run_here(job(tmp_path), watch=Full)
    assert not list((tmp_path / "out").rglob("shard-*"))
    run_here(job(tmp_path))
    assert {row["status"] for row in rows(tmp_path).values()} == {"ok"}


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"scale": 2}, (60, 40)),
        ({"scale": 4}, (120, 80)),
        ({"target": (90, 90)}, (90, 60)),
        ({"target": (15, 15)}, (15, 10)),
        ({"target": (300, 300)}, (300, 200)),
    ],
)
@pytest.mark.parametrize("model", ["bicubic", "srresnet"])
def test_scale_and_target(
    tmp_path: Path, model: str, options: dict[str, Any], size: tuple[int, int]
) -> None:
    (tmp_path / "photos").mkdir()
    Image.linear_gradient("L").resize((30, 20)).convert("RGB").save(tmp_path / "photos/a.png")
    run_here(job(tmp_path, model=model, **options))
    assert opened(tmp_path / "out/images/a.png").size == size
    assert rows(tmp_path)["a.png"]["width_out_px"] == size[0]


def test_transparency_grey_and_depth_come_out_as_they_went_in(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    ramp = np.tile(np.arange(32, dtype=np.uint8) * 8, (32, 1))
    Image.fromarray(ramp).save(folder / "grey.png")
    Image.fromarray(ramp.astype(np.uint16) * 257).save(folder / "deep.png")
    red = Image.new("RGB", (32, 32), (255, 0, 0))
    red.putalpha(Image.fromarray(ramp))
    red.save(folder / "alpha.png")
    pages = [Image.new("RGB", (12, 10 + 4 * page), (40 * page, 9, 9)) for page in range(3)]
    pages[0].save(folder / "pages.tif", save_all=True, append_images=pages[1:])
    run_here(job(tmp_path, format="source"))
    found = rows(tmp_path)
    images = tmp_path / "out/images"
    assert opened(images / "grey.png").mode == "L"
    assert opened(images / "deep.png").mode == "I;16"
    alpha = np.asarray(opened(images / "alpha.png"))
    opaque = alpha[alpha[..., 3] > 128][:, :3].astype(int)
    assert np.abs(opaque - (255, 0, 0)).max() <= 1, "colour must not bleed from what is invisible"
    with Image.open(images / "pages.tif") as tiff:
        sizes = []
        for page in range(tiff.n_frames):
            tiff.seek(page)
            sizes.append(tiff.size)
    assert sizes == [(48, 40), (48, 56), (48, 72)]
    assert found["pages.tif"]["pages"] == 3


def test_a_missing_reference_is_a_warning_not_a_failure(tmp_path: Path) -> None:
    from jobs.upscale.manifest import make_manifest

    write_photographs(tmp_path / "photos", 1, side=40)
    table = tmp_path / "photos/table.csv"
    table.write_text("key,truth\n000.png,gone.png\n")
    make_manifest(str(table), tmp_path / "m.parquet", reference_column="truth")
    planned = job(tmp_path).model_copy(update={"source": str(tmp_path / "m.parquet")})
    run_here(planned)
    row = rows(tmp_path)["000.png"]
    assert row["status"] == "ok"
    assert row["psnr_y_db"] is None
    assert "gone.png" in row["warnings"][0]


@pytest.mark.parametrize("name", ["webp", "jxl"])
def test_outputs_of_other_channels_or_another_profile_are_measured_alike(
    tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    write_photographs(folder, 1)
    (source,) = folder.iterdir()
    image = opened(source)
    image.save(folder / "wide.png", icc_profile=p3_profile())
    image.convert("L").save(folder / "grey.png", icc_profile=grey_profile())
    image.convert("L").save(folder / "plain.png")
    run_here(job(tmp_path, format=name))
    for row in rows(tmp_path).values():
        assert "not measured" not in " ".join(row["warnings"] or ())
        assert row["lr_psnr_db"] > 30, row["key"]


@pytest.mark.parametrize("name", ["jpeg", "webp"])
def test_sixteen_bits_and_transparency_are_compared_as_the_output_holds_them(
    tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    write_photographs(folder, 1)
    (photo,) = folder.iterdir()
    image = opened(photo).convert("RGB")
    photo.unlink()
    wide = np.asarray(image).astype(np.uint16) * 257
    (folder / "wide.png").write_bytes(imagecodecs.png_encode(wide))
    clear = image.copy()
    clear.putalpha(Image.linear_gradient("L").resize(image.size))
    clear.save(folder / "clear.png")
    image.save(folder / "plain.png")
    run_here(job(tmp_path, format=name))
    found = rows(tmp_path)
    for key in ("wide.png", "clear.png"):
        assert "not measured" not in " ".join(found[key]["warnings"] or ())
        assert found[key]["lr_psnr_db"] > found["plain.png"]["lr_psnr_db"] - 3, key
        assert found[key]["block_error"] < 2 * found["plain.png"]["block_error"], key
    kept = name == "webp"
    assert (found["clear.png"]["alpha_error_levels"] is not None) == kept
    assert found["plain.png"]["alpha_error_levels"] is None


def test_a_baseline_is_made_of_the_rows_of_a_run(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    write_photographs(tmp_path / "photos", LEAST_IMAGES)
    run_here(job(tmp_path))
    found = make_baseline(open_store(str(tmp_path / "out")))
    assert found.images == LEAST_IMAGES
    assert found.measures["block_error"]["median"] > 0
    assert "grey_colour_levels" not in found.measures


@pytest.mark.parametrize(
    ("trust", "model"), [("full", "srgan"), ("full", "bicubic"), ("basic", "srgan")]
)
def test_full_trust_compares_a_gan_with_its_twin(tmp_path: Path, trust: str, model: str) -> None:
    (tmp_path / "photos").mkdir()
    write_photographs(tmp_path / "photos", 1)
    run_here(job(tmp_path, trust=trust, model=model))
    (row,) = rows(tmp_path).values()
    assert (row["twin_error"] is not None) == (trust == "full" and model == "srgan")
    assert row["block_error"] is not None
