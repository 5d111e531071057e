"""Photographs to train on: found, decoded and split; skipped files are reported once."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.terminal import Terminal
from jobs.train.photographs import SourcePhotographs, open_photographs, split
from sr_core.archive.source import ranged_source
from sr_core.archive.source.manifest import list_source, write_manifest
from sr_core.archive.storage import open_store
from sr_core.errors import ConfigurationError, RetryLaterError, StorageUnavailableError
from sr_core.training.data import Crops
from tests.support.image_files import exif_block, picture, png, saved, scene, tiff
from tests.support.photographs import write_photographs
from tests.support.servers import Fault, FaultProxy, S3Server, moto_server


class Ear(Terminal):
    """A terminal that records its messages."""

    def __init__(self) -> None:
        super().__init__(io.StringIO())

    @property
    def lines(self) -> list[str]:
        return self.file.getvalue().splitlines()  # type: ignore[attr-defined]


def opened(source: object, ear: Ear | None = None, min_side_px: int = 16) -> SourcePhotographs:
    return open_photographs(str(source), ear or Ear(), min_side_px=min_side_px)


def write(folder: Path, **files: bytes) -> None:
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name.replace("__", ".")).write_bytes(data)


def test_every_kind_becomes_upright_rgb_of_8_bits(tmp_path: Path) -> None:
    deep = scene(40, 56, dtype=np.uint16)
    clear = np.dstack([scene(40, 56), np.zeros((40, 56), np.uint8)])
    write(
        tmp_path,
        a_grey__png=saved(picture("L"), "PNG"),
        b_deep__tif=tiff(deep, photometric="rgb"),
        c_clear__tif=tiff(clear, photometric="rgb", extrasamples=["unassalpha"]),
        d_turned__jpg=saved(picture(), "JPEG", quality=98, exif=b"Exif\0\0" + exif_block(6)),
    )
    photographs = opened(tmp_path)
    pixels = list(photographs)
    assert photographs.sizes == [each.shape[:2] for each in pixels]
    assert photographs.sizes == [(40, 56)] * 3 + [(56, 40)]
    assert {(each.dtype.name, each.shape[2]) for each in pixels} == {("uint8", 3)}
    grey, eight, white, turned = pixels
    assert np.array_equal(grey[..., 0], grey[..., 2])
    assert np.abs(eight - deep / 257).max() <= 0.5
    assert (white == 255).all(), "what is transparent shows the page behind it"
    assert np.abs(np.rot90(turned) - np.asarray(picture(), float)).mean() < 6


def test_what_cannot_be_used_is_told_in_one_line_with_the_first_names(tmp_path: Path) -> None:
    keys = write_photographs(tmp_path / "sound", 3)
    write(tmp_path, notes__txt=b"notes", small__png=saved(picture("RGB", 15, 40), "PNG"))
    write(tmp_path, empty__jpg=b"", moving__gif=gif(), film__mov=b"\0" * 99)
    ear = Ear()
    photographs = opened(tmp_path, ear)
    assert photographs.keys == [f"sound/{key}" for key in keys]
    (line,) = ear.lines
    assert line.startswith("left out 5 of 8 files: empty.jpg (the file is empty), film.mov (")
    assert line.endswith(" and 2 more")


def test_a_name_with_brackets_is_reported_as_it_is(tmp_path: Path) -> None:
    write_photographs(tmp_path / "[red]", 1)
    write(tmp_path / "[red]", small__png=saved(picture("RGB", 15, 40), "PNG"))
    ear = Ear()
    opened(tmp_path, ear)
    assert ear.lines == ["left out 1 of 2 files: [red]/small.png (shorter than 16 px)"]


def gif() -> bytes:
    frames = [picture(), picture().rotate(180)]
    return saved(frames[0], "GIF", save_all=True, append_images=frames[1:])


def test_what_turns_out_unreadable_is_none_and_told_once(tmp_path: Path) -> None:
    sound = saved(picture(), "JPEG")
    write(tmp_path, **{f"{number}__jpg": sound[:-99] for number in range(6)}, sound__jpg=sound)
    ear = Ear()
    photographs = opened(tmp_path, ear)
    assert len(photographs) == 7
    for _ in range(2):
        assert [photographs.read(index) is None for index in range(7)] == [True] * 6 + [False]
    assert [line.split()[2].strip(":;") for line in ear.lines] == [
        f"{number}.jpg" for number in range(4)
    ]
    assert "damaged" in ear.lines[0]
    assert ear.lines[3].endswith("more are left out without a line each")
    crops = Crops(
        photographs,
        scale=2,
        crop_px=16,
        degradation="bicubic",
        seed=0,
        memory_budget_bytes=1 << 20,
    )
    assert crops.batch(0, 2)[1].shape == (2, 3, 16, 16)


def test_a_source_without_photographs_is_an_error_that_says_why(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"holds no photograph of 16 px on each side$"):
        opened(tmp_path)
    write(tmp_path, notes__txt=b"notes", small__png=saved(picture("RGB", 15, 40), "PNG"))
    with pytest.raises(ConfigurationError, match=r"16 px on each side: notes.txt \(.*small.png"):
        opened(tmp_path)


def test_a_manifest_and_a_table_name_the_same_photographs_as_the_folder(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    keys = write_photographs(photos, 4)
    store = open_store(str(photos))
    write_manifest(list_source(store), tmp_path / "unprobed.parquet", store.uri)
    (photos / "table.csv").write_text("\n".join(["path", *keys[:3], keys[0]]))
    folder, manifest = opened(photos), opened(tmp_path / "unprobed.parquet")
    table = opened(photos / "table.csv")
    assert folder.sizes == manifest.sizes
    assert folder.keys == manifest.keys == keys
    assert table.keys == keys[:3]
    assert np.array_equal(manifest.read(1), folder.read(1))


def test_an_unprobed_file_that_is_no_photograph_is_left_out(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    keys = write_photographs(photos, 2)
    write(photos, broken__png=png(size=(40, 40))[:30], notes__txt=b"notes", moving__gif=gif())
    store = open_store(str(photos))
    write_manifest(list_source(store), tmp_path / "unprobed.parquet", store.uri)
    ear = Ear()
    assert opened(tmp_path / "unprobed.parquet", ear).keys == keys
    assert ear.lines[0].startswith("left out 3 of 5 files: broken.png (")


def test_the_digest_follows_what_comes_and_what_changes(tmp_path: Path) -> None:
    write_photographs(tmp_path, 3)
    before = opened(tmp_path).digest
    assert opened(tmp_path).digest == before
    write(tmp_path, notes__txt=b"no photograph")
    assert opened(tmp_path).digest == before
    shutil.copy(tmp_path / "000.png", tmp_path / "new.png")
    assert opened(tmp_path).digest != before


def numbered(folder: Path, numbers: range) -> SourcePhotographs:
    folder.mkdir(exist_ok=True)
    data = saved(picture("L", 16, 16), "PNG")
    for number in numbers:
        (folder / f"{number}.png").write_bytes(data)
    return opened(folder)


def test_a_split_keeps_a_share_apart_and_each_photograph_on_its_side(tmp_path: Path) -> None:
    training, held_out = split(numbered(tmp_path, range(200)), 0.2)
    assert 25 <= len(held_out) <= 55
    assert not set(training.keys) & set(held_out.keys)
    assert len(training) + len(held_out) == 200
    assert len(training.sizes) == len(training)
    later_training, later_held_out = split(numbered(tmp_path, range(200, 260)), 0.2)
    assert set(training.keys) < set(later_training.keys)
    assert set(held_out.keys) < set(later_held_out.keys)
    assert len(split(opened(tmp_path), 0.2, at_most=7)[1]) == 7


def test_both_sides_of_a_split_have_something(tmp_path: Path) -> None:
    for share in (0.001, 0.999):
        sides = split(numbered(tmp_path, range(2)), share)
        assert [len(side) for side in sides] == [1, 1]
    with pytest.raises(ConfigurationError, match="one photograph cannot serve for both"):
        split(numbered(tmp_path / "one", range(1)), 0.5)


@pytest.fixture(scope="module")
def moto() -> Iterator[S3Server]:
    with moto_server() as server:
        yield server


@pytest.fixture
def proxy(moto: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    """Put a proxy in front of moto and shorten the store's timeouts."""
    with FaultProxy(moto.endpoint) as proxy:
        quick = {"FIRST_WAIT_S": "0.01", "LONGEST_WAIT_S": "0.02", "DEADLINE_S": "0.3"}
        settings = {f"SRFLEET_S3_{name}": value for name, value in quick.items()}
        for name, value in {**moto.environment(proxy.endpoint), **settings}.items():
            monkeypatch.setenv(name, value)
        yield proxy


@pytest.fixture
def bucket(moto: S3Server, proxy: FaultProxy, tmp_path: Path) -> str:
    """Create a prefix with four photographs, which are also in a folder."""
    for key in write_photographs(tmp_path / "photos", 4):
        body = (tmp_path / "photos" / key).read_bytes()
        moto.admin().put_object(Bucket=moto.bucket, Key=f"{tmp_path.name}/{key}", Body=body)
    return f"s3://{moto.bucket}/{tmp_path.name}"


def test_crops_from_a_bucket_are_those_from_the_folder(bucket: str, tmp_path: Path) -> None:
    batches = [
        Crops(
            opened(source),
            scale=2,
            crop_px=16,
            degradation="archive",
            seed=0,
            memory_budget_bytes=1 << 20,
        ).batch(1, 4)
        for source in (bucket, tmp_path / "photos")
    ]
    assert all(map(torch.equal, *batches))


def test_what_the_bucket_refuses_is_left_out_with_its_answer(
    bucket: str, moto: S3Server, tmp_path: Path
) -> None:
    moto.admin().put_object(Bucket=moto.bucket, Key=f"{tmp_path.name}/forbidden.jpg", Body=b"x")
    ear = Ear()
    assert len(opened(bucket, ear)) == 4
    assert "left out 1 of 5 files: forbidden.jpg (" in ear.lines[0]
    assert "access is denied: see the policy" in ear.lines[0]


def test_a_bucket_that_refuses_everything_is_a_clear_error(bucket: str, proxy: FaultProxy) -> None:
    proxy.inject(Fault.DENIED, times=None, where=".png")
    proxy.inject(Fault.DENIED, times=None, where=".jpg")
    with pytest.raises(ConfigurationError, match=r"no photograph .*access is denied"):
        opened(bucket)
    proxy.inject(Fault.DENIED, times=None)
    with pytest.raises(StorageUnavailableError, match=r"cannot list .*access is denied"):
        opened(bucket)


def test_a_bucket_that_does_not_answer_now_never_changes_what_is_trained_on(
    bucket: str, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranged_source, "DEADLINE_S", 0.3)
    photographs = opened(bucket)
    proxy.inject(Fault.SLOW_DOWN, times=None, where="001.jpg")
    with pytest.raises(RetryLaterError, match=r"001.jpg cannot be read now: .*SlowDown.* resumes"):
        photographs.read(1)
    with pytest.raises(RetryLaterError, match=r"001.jpg cannot be read now"):
        opened(bucket)
    proxy.heal()
    assert photographs.read(1) is not None
