"""Benchmarks: read as pairs, or refused with a reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sr_core.errors import ConfigurationError
from sr_core.evaluation.benchmark import Degradation, describe_lr, open_benchmark
from sr_core.imaging.resample import resize_pixels

RNG = np.random.default_rng(11)


def save(path: Path, height: int, width: int, *, grey: bool = False) -> np.ndarray:
    """Write noise as a picture; return it as (H, W, C)."""
    shape = (height, width) if grey else (height, width, 3)
    pixels = RNG.integers(0, 256, shape, dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return pixels[..., None] if grey else pixels


def test_hr_and_lr_of_the_same_name_are_a_pair(tmp_path: Path) -> None:
    written = {}
    for name in ("b.png", "a.png"):
        written[name] = save(tmp_path / "LRx4" / name, 9, 10), save(tmp_path / "HR" / name, 36, 40)
    save(tmp_path / "LRx2" / "a.png", 18, 20)
    (tmp_path / "HR" / ".DS_Store").write_bytes(b"of no interest")
    benchmark = open_benchmark(tmp_path, 4)
    assert (benchmark.name, benchmark.lr_source) == (tmp_path.name, "LRx4")
    pairs = list(benchmark.pairs())
    assert [pair.image for pair in pairs] == ["a.png", "b.png"]
    for pair in pairs:
        lr, hr = written[pair.image]
        assert np.array_equal(pair.lr, lr)
        assert np.array_equal(pair.hr, hr)


@pytest.mark.parametrize("where", [".", "HR"])
def test_lr_is_made_where_there_is_none(tmp_path: Path, where: str) -> None:
    hr = save(tmp_path / where / "a.png", 43, 61, grey=True)
    benchmark = open_benchmark(tmp_path, 4)
    assert benchmark.lr_source == "bicubic"
    (pair,) = benchmark.pairs()
    assert np.array_equal(pair.hr, hr[:40, :60])
    made = resize_pixels(hr[:40, :60], 10, 15, "bicubic")
    assert np.abs(pair.lr.astype(int) - made).max() <= 1  # the two round floats differently


def test_sixteen_bits_stay(tmp_path: Path) -> None:
    pixels = RNG.integers(0, 65536, (40, 40), dtype=np.uint16)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    (pair,) = open_benchmark(tmp_path, 4).pairs()
    assert np.array_equal(pair.hr[..., 0], pixels)
    assert pair.lr.dtype == np.uint16


def test_a_folder_called_hr_is_named_after_its_parent(tmp_path: Path) -> None:
    save(tmp_path / "Set9" / "HR" / "a.png", 40, 40)
    assert open_benchmark(tmp_path / "Set9" / "HR", 4).name == "Set9-HR"


def test_a_larger_hr_is_cut_to_what_its_lr_shows(tmp_path: Path) -> None:
    save(tmp_path / "LRx4" / "a.png", 9, 10)
    hr = save(tmp_path / "HR" / "a.png", 39, 41)
    (pair,) = open_benchmark(tmp_path, 4).pairs()
    assert np.array_equal(pair.hr, hr[:36, :40])


def test_an_lr_is_cut_to_an_hr_that_was_cut_for_a_larger_scale(tmp_path: Path) -> None:
    save(tmp_path / "HR" / "a.png", 40, 44)  # of 42x44
    lr = save(tmp_path / "LRx2" / "a.png", 21, 22)
    (pair,) = open_benchmark(tmp_path, 2).pairs()
    assert np.array_equal(pair.lr, lr[:20])
    assert pair.hr.shape[:2] == (40, 44)
    save(tmp_path / "LRx2" / "a.png", 22, 22)  # 4 pixels more than HR has
    with pytest.raises(ConfigurationError, match="has 22x22 px, but 22x20"):
        list(open_benchmark(tmp_path, 2).pairs())


def refusal(folder: Path) -> str:
    """Open and read a benchmark that must be refused; return the one-line message."""
    with pytest.raises(ConfigurationError) as refused:
        list(open_benchmark(folder, 4).pairs())
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert f"no benchmark folder {tmp_path / 'Set9'}" in refusal(tmp_path / "Set9")


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"{tmp_path} holds no images"
    (tmp_path / "HR").mkdir()
    assert refusal(tmp_path) == f"{tmp_path / 'HR'} holds no images"


def test_lr_without_hr_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "LRx4" / "a.png", 9, 9)
    assert "holds LRx4/ but no HR/" in refusal(tmp_path)


@pytest.mark.parametrize(("extra", "lacking"), [("HR", "LRx4"), ("LRx4", "HR")])
def test_a_name_without_its_counterpart_is_told(tmp_path: Path, extra: str, lacking: str) -> None:
    for name in ("a.png", "b.png", "c.png"):
        save(tmp_path / extra / name, 36, 36)
    save(tmp_path / lacking / "a.png", 36, 36)
    expected = f"{tmp_path / lacking} lacks b.png and 1 more, which {tmp_path / extra} holds"
    assert expected in refusal(tmp_path)


def test_an_lr_of_another_size_is_told(tmp_path: Path) -> None:
    save(tmp_path / "HR" / "a.png", 40, 44)
    save(tmp_path / "LRx4" / "a.png", 10, 10)
    told = refusal(tmp_path)
    assert f"{tmp_path / 'LRx4' / 'a.png'} has 10x10 px" in told
    assert "11x10" in told
    assert "44x40" in told


def test_an_image_that_is_too_small_is_told(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 40, 35)  # 32 after cropping
    list(open_benchmark(tmp_path, 4).pairs())
    save(tmp_path / "b.png", 40, 31)
    assert "b.png has 31x40 px; the scores need 32 a side" in refusal(tmp_path)


def test_a_file_that_is_no_image_is_told(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 40, 40)
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:500])
    assert f"cannot evaluate on {tmp_path / 'b.png'}: " in refusal(tmp_path)
    (tmp_path / "b.png").write_text("Set9: about these pictures")
    assert f"cannot evaluate on {tmp_path / 'b.png'}: " in refusal(tmp_path)


def test_degraded_lr_follows_from_the_seed_and_the_name(tmp_path: Path) -> None:
    save(tmp_path / "HR" / "a.png", 64, 80)
    save(tmp_path / "LRx4" / "a.png", 16, 20)

    def lr(folder: Path, seed: int) -> np.ndarray:
        benchmark = open_benchmark(folder, 4, Degradation("archive", seed))
        assert benchmark.lr_source == f"archive, seed {seed}"
        return {pair.image: pair.lr for pair in benchmark.pairs()}["a.png"]

    alone = [lr(tmp_path, seed) for seed in range(8)]
    assert alone[0].shape == (16, 20, 3)
    assert len({each.tobytes() for each in alone}) >= 6, "a seventh is clean"
    save(tmp_path / "HR" / "0.png", 64, 80)
    assert all(np.array_equal(lr(tmp_path, seed), alone[seed]) for seed in range(8))


@pytest.mark.parametrize("grey", [False, True])
def test_any_kind_of_pixels_is_degraded(tmp_path: Path, *, grey: bool) -> None:
    save(tmp_path / "a.png", 43, 61, grey=grey)
    pixels = RNG.integers(0, 65536, (40, 40), dtype=np.uint16)
    Image.fromarray(pixels).save(tmp_path / "b.png")
    for pair in open_benchmark(tmp_path, 4, Degradation("archive", 3)).pairs():
        assert pair.lr.shape == (pair.hr.shape[0] // 4, pair.hr.shape[1] // 4, 3)
        assert pair.lr.dtype == np.uint8


def test_another_degradation_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="one of bicubic, archive, not 'rain'"):
        Degradation("rain")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("bicubic", "made from HR by antialiased bicubic"),
        ("archive, seed 3", "made from HR by the degradation archive, seed 3"),
        ("LRx4", "files of LRx4"),
    ],
)
def test_every_source_of_lr_is_described(source: str, words: str) -> None:
    assert describe_lr(source) == words
