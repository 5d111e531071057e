"""Sides of the benchmark: all of them do the same work."""

from __future__ import annotations

import platform
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.actors import counts
from benchmarks.engines import Timing, seconds_per_call, timings_table
from benchmarks.job import (
    BARE,
    PEERS,
    PLAIN,
    PNG,
    SIDES,
    Setting,
    peers_table,
    run_sides,
    samples_of,
    sides_table,
)
from benchmarks.machine import description, rates
from benchmarks.peers.network import load_paper_network, to_pixels
from benchmarks.peers.plain_script import upscale, upscale_in_tiles
from benchmarks.peers.ray_data import Upscale
from benchmarks.photographs import photographs, square, write_photographs
from sr_core.imaging.codecs import probe
from sr_core.models.catalogue import find_checkpoint
from sr_core.models.checkpoint import load_network


@pytest.fixture
def samples_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the shared photographs."""
    monkeypatch.setenv("SRFLEET_SHARED", str(tmp_path))


def test_the_peers_network_is_ours_in_other_operations() -> None:
    lr = torch.rand(1, 3, 20, 24, generator=torch.Generator().manual_seed(0))
    ours, _ = load_network(find_checkpoint("srgan"))
    with torch.inference_mode():
        difference = load_paper_network("srgan")(lr) - ours.eval()(lr)
    assert float(difference.abs().max()) < 1e-5


def test_the_plain_scripts_tiles_cover_the_image_once() -> None:
    lr = torch.rand(1, 3, 410, 830, generator=torch.Generator().manual_seed(0))
    enlarge = nn.Upsample(scale_factor=4, mode="nearest")
    assert torch.equal(upscale_in_tiles(enlarge, lr), enlarge(lr))


@pytest.mark.filterwarnings("error")
def test_ray_data_cuts_what_the_plain_script_cuts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[tuple[int, ...]] = []

    def network(tile: torch.Tensor) -> torch.Tensor:
        seen.append(tuple(tile.shape[2:]))
        return nn.functional.interpolate(tile, scale_factor=4.0, mode="nearest")

    monkeypatch.setattr("benchmarks.peers.network.load_paper_network", lambda model: network)
    pixels = np.zeros((410, 830, 3), np.uint8)
    row = Upscale(str(tmp_path), "srgan")({"image": pixels, "path": "/a/b.jpg"})
    assert row["name"] == "b.png"
    assert max(seen) == (410, 420)
    assert len(seen) == 6


def test_the_peers_take_part_in_the_first_repeats(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    speeds = iter(range(1, 100))
    monkeypatch.setattr("benchmarks.job.run_side", lambda *_: float(next(speeds)))
    monkeypatch.setattr("benchmarks.job.stages_table", lambda root: "")
    sides = {side: SIDES[side] for side in (BARE, PNG, *PEERS)}
    found, _ = run_sides(Setting(tmp_path, tmp_path, 1.0, 1), sides, 5)
    assert found[BARE] == [1.0, 5.0, 9.0, 13.0, 15.0]
    assert found[PLAIN] == [3.0, 7.0, 11.0]
    assert samples_of(found)["job.png.of_bare"] == [2.0, 6 / 5, 10 / 9, 14 / 13, 16 / 15]
    assert samples_of(found)["job.png.of_plain_script"] == [2 / 3, 6 / 7, 10 / 11]
    assert "| plain script | 7.00 (3.00 to 11.00) | 1.40 (1.22 to 3.00) |" in sides_table(found)
    assert "| whole job, PNG | 0.86 (0.67 to 0.91) |" in peers_table(found)


def test_pixels_go_through_a_peer_as_they_are() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    enlarged = upscale(nn.Upsample(scale_factor=4, mode="nearest"), pixels)
    assert np.array_equal(enlarged, pixels.repeat(4, 0).repeat(4, 1))
    assert to_pixels(torch.tensor([-1.0, 2.0, 0.5]).view(1, 3, 1, 1)).tolist() == [[[0, 255, 128]]]


@pytest.mark.usefixtures("samples_alone")
def test_without_shared_photographs_the_samples_are_upscaled(tmp_path: Path) -> None:
    assert {path.name for path in photographs()} >= {"kitten.jpg", "osprey.jpg"}
    assert square(700).shape == (700, 700, 3)


@pytest.mark.usefixtures("samples_alone")
def test_all_photographs_of_a_comparison_have_one_size(tmp_path: Path) -> None:
    megapixels = write_photographs(tmp_path / "photographs", 3, 0.05)
    files = sorted((tmp_path / "photographs").iterdir())
    assert len(files) == 3
    headers = [probe(path.read_bytes()) for path in files]
    assert {each.width_px * each.height_px / 1e6 for each in headers} == {megapixels}
    assert megapixels == pytest.approx(0.05, rel=0.02)


def test_more_photographs_than_there_are_files_are_still_so_many(tmp_path: Path) -> None:
    count = 2 * len(photographs()) + 1
    write_photographs(tmp_path / "photographs", count, 0.001)
    assert len(list((tmp_path / "photographs").iterdir())) == count


def test_the_description_does_not_name_the_machine() -> None:
    facts = dict(description())
    assert {"processor", "cores", "memory", "packages"} <= facts.keys()
    assert f"torch {torch.__version__}" in facts["packages"]
    assert platform.node() not in " ".join(facts.values()).split()


def test_the_fastest_size_of_a_product_counts() -> None:
    calls: list[int] = []
    sizes = [{"a": lambda: calls.append(1)}, {"a": lambda: calls.append(2)}]
    found = rates(sizes)
    assert set(calls) == {1, 2}
    assert found.keys() == {"a"}
    assert found["a"] > 0


def test_a_call_that_takes_long_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 5.0])
    monkeypatch.setattr("benchmarks.engines.time.perf_counter", lambda: next(clock))
    assert seconds_per_call(lambda: None) == 5.0


def test_engines_are_held_against_eager_of_the_same_tile() -> None:
    timings = {
        ("eager", 64): Timing([1.0, 2.0], [0.3, 0.4]),
        ("torch", 64): Timing([2.0, 6.0], [0.6, 0.7]),
        ("eager", 128): Timing([4.0, 4.0], [0.3, 0.3]),
        ("torch", 128): Timing([4.0, 4.0], [0.5, 0.5]),
    }
    lines = timings_table(timings).splitlines()
    assert "| 64 | torch | 4.000 (2.000 to 6.000) | 2.50 (2.00 to 3.00) | 65 (60 to 70) |" in lines
    assert "| 128 | torch | 4.000 | 1.00 | 50 |" in lines


@pytest.mark.parametrize(
    ("cores", "expected"), [(1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (8, [1, 2, 4, 8])]
)
def test_scaling_is_measured_at_powers_of_two_and_all_cores(
    cores: int, expected: list[int]
) -> None:
    assert counts(cores) == expected
