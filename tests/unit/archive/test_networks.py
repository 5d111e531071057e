"""Planning with networks of several scales."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sr_core.archive.planning.networks import mean_speed, megapixels_by_scale, network_scales
from sr_core.archive.planning.plan import make_plan
from sr_core.archive.tables import manifest_table
from sr_core.config import RunConfig
from sr_core.models.catalogue import AUTO, CLEAN, PHOTO
from sr_core.records import ManifestRow
from tests.support.cards import add_card, only_x4


def scales_of(model: str, *sides: tuple[int, int]) -> list[int] | None:
    source, output = np.array(sides).T
    found = network_scales(model, source, source // 2, output, output // 2)
    return None if found is None else found.tolist()


def test_the_enlargement_of_each_image_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_x4(monkeypatch)
    images = ((100, 50), (100, 200), (100, 299), (100, 300), (0, 0))
    assert scales_of(CLEAN, *images) == [4] * 5
    add_card(monkeypatch, tmp_path, CLEAN, 2)
    assert scales_of(CLEAN, *images) == [2, 2, 2, 4, 4]
    assert scales_of(AUTO, *images) == [4] * 5, "the photo model has x4 only"
    add_card(monkeypatch, tmp_path, PHOTO, 2)
    assert scales_of(AUTO, *images) == [2, 2, 2, 4, 4]
    assert scales_of("bicubic", *images) is None


def test_what_networks_make_is_added_up_by_scale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_card(monkeypatch, tmp_path, "srresnet", 2)
    rows = [
        ManifestRow(name, name, 1, format="PNG", mode="RGB", width_px=side, height_px=500, pages=1)
        for name, side in (("a", 1000), ("b", 2000))
    ]
    run = RunConfig(model="srresnet", target=(4000, 4000))
    plan = make_plan(manifest_table(rows), run=run, shard_megapixels=100, shard_images=9)
    assert plan.summary.megapixels_by_scale == {2: 4.0, 4: 8.0}
    assert plan.summary.native_megapixels == 12


def test_interpolation_makes_the_outputs_themselves() -> None:
    one = np.array([10**6])
    assert megapixels_by_scale(None, one, 4 * one) == {4: 4.0}


def test_the_mean_speed_weighs_scales_by_their_time() -> None:
    speeds = {2: 1.0, 4: 4.0}
    assert mean_speed({2: 1.0, 4: 12.0}, speeds.__getitem__) == 13 / 4
    assert mean_speed({2: 1.0}, speeds.__getitem__) == 1
    assert mean_speed({2: 1.0, 4: 0.0}, speeds.__getitem__) == 1
    assert mean_speed({}, speeds.__getitem__) == 4
