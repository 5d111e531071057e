"""Cached conversions to OpenVINO: their keys, their lifetime, and systems without a cache."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from sr_core.inference import conversion
from sr_core.inference.engines import open_engine
from sr_core.models.generator import Generator

pytestmark = pytest.mark.usefixtures("cache")

CPU = torch.device("cpu")
LR = torch.rand(1, 3, 20, 20, generator=torch.Generator().manual_seed(2))
DAY_S = 24 * 3600


@pytest.fixture
def while_converting(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """Return a hook to run code once, while a missing conversion is being made."""
    converted = conversion._converted

    def register(happens: Callable[[], Any]) -> None:
        def convert(*arguments: Any) -> Any:
            monkeypatch.setattr(conversion, "_converted", converted)
            happens()
            return converted(*arguments)

        monkeypatch.setattr(conversion, "_converted", convert)

    return register


def answer(generator: Generator, name: str = "openvino") -> torch.Tensor:
    engine = open_engine(generator, name, CPU)
    return engine.tail(engine.trunk(LR)).clone()


def cut(file: Path) -> None:
    # A new file replaces it, because this process may still have the old one mapped.
    data = file.read_bytes()
    file.unlink()
    file.write_bytes(data[:200])


def kept_folder(cache: Path) -> Path:
    (kept,) = (each for each in cache.iterdir() if not each.suffix)
    return kept


def test_a_conversion_is_kept(
    generator: Generator, cache: Path, while_converting: Callable[[Callable[[], Any]], None]
) -> None:
    first = answer(generator)
    assert list(cache.iterdir()) == [kept_folder(cache)]
    while_converting(lambda: pytest.fail("it was converted again"))
    assert torch.equal(answer(generator), first)


def test_other_weights_are_converted_anew(generator: Generator, cache: Path) -> None:
    first = answer(generator)
    with torch.no_grad():
        generator.output.weight.mul_(1.5)
    assert not torch.allclose(answer(generator), first)
    with torch.no_grad():
        generator.head_prelu.weight.mul_(1.5)  # no longer a parameter once it is folded
    answer(generator)
    assert len(list(cache.iterdir())) == 3


@pytest.mark.parametrize("name", ["tail.xml", "trunk.bin"])
def test_a_kept_conversion_that_is_cut_off_is_made_again(
    name: str, generator: Generator, cache: Path
) -> None:
    first = answer(generator)
    cut(kept_folder(cache) / name)
    assert torch.equal(answer(generator), first)
    assert (kept_folder(cache) / name).stat().st_size > 200


def test_what_cannot_be_read_is_moved_aside_as_others_may_have_it_mapped(
    generator: Generator, cache: Path
) -> None:
    answer(generator)
    kept = kept_folder(cache)
    cut(kept / "tail.xml")
    mapped = (kept / "trunk.bin").stat().st_ino
    long_ago = kept.stat().st_mtime - 2 * DAY_S
    os.utime(kept, (long_ago, long_ago))
    answer(generator)
    (aside,) = set(cache.iterdir()) - {kept}
    assert (aside / "trunk.bin").stat().st_ino == mapped


@pytest.mark.parametrize("begins_with", ["nothing", "a conversion that is cut off"])
def test_of_actors_that_start_together_the_first_ones_files_stay(
    begins_with: str,
    generator: Generator,
    cache: Path,
    while_converting: Callable[[Callable[[], Any]], None],
) -> None:
    if begins_with != "nothing":
        answer(generator)
        cut(kept_folder(cache) / "tail.xml")
    first: list[int] = []

    def another_finishes() -> None:
        answer(generator)
        first.append(kept_folder(cache).stat().st_ino)

    while_converting(another_finishes)
    answer(generator)
    assert [kept_folder(cache).stat().st_ino] == first
    assert not [each for each in cache.iterdir() if each.suffix not in ("", ".unreadable")]


def test_what_a_killed_process_left_is_removed_after_a_day(
    generator: Generator, cache: Path
) -> None:
    ages_s = {"openvino-1": 9 * DAY_S, "openvino-1.a": 2 * DAY_S, "openvino-2.b": DAY_S // 2}
    for name, age_s in ages_s.items():
        (cache / name).mkdir(parents=True)
        (cache / name / "trunk.bin").touch()
        then = (cache / name).stat().st_mtime - age_s
        os.utime(cache / name, (then, then))
    answer(generator)
    left = {each.name for each in cache.iterdir()} & ages_s.keys()
    assert left == {"openvino-1", "openvino-2.b"}


def test_without_a_place_to_keep_it_a_conversion_is_used_all_the_same(
    generator: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert torch.allclose(answer(generator), answer(generator, "torch"), atol=1e-5)


def test_a_disk_that_is_full_keeps_nothing_and_costs_nothing(
    generator: Generator, cache: Path, while_converting: Callable[[Callable[[], Any]], None]
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # From here on no file can grow beyond it, as on a full disk.
    while_converting(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1])))
    try:
        found = answer(generator)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert torch.allclose(found, answer(generator, "torch"), atol=1e-5)
    assert list(cache.iterdir()) == []


def test_a_user_without_a_home_has_a_place_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert conversion.cache_folder() == Path("/home/somebody/.cache/srfleet")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os, "getuid", lambda: 2**31 - 7)  # without an account, as in containers
    assert conversion.cache_folder() == Path("/.cache/srfleet")
