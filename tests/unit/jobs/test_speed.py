"""The speed of a run whose images go through networks of several scales."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jobs.cluster.connect import Devices
from jobs.upscale import plan, speed
from jobs.upscale.plan import Planner
from sr_core.config import JobConfig, RunConfig
from sr_core.engine.prepare import open_run
from sr_core.imaging.pixels import Pixels
from sr_core.inference.upscaled import Upscaled
from sr_core.models.catalogue import CLEAN, PHOTO
from tests.support.cards import add_card, only_x4

SPEEDS = {2: 1.0, 4: 2.0}


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JobConfig:
    """Describe a run of two images, which a target enlarges by 2 and by 4."""
    only_x4(monkeypatch)
    for model in (PHOTO, CLEAN):
        add_card(monkeypatch, tmp_path, model, 2)
    (tmp_path / "photos").mkdir()
    for side in (50, 100):
        Image.new("RGB", (side, side)).save(tmp_path / "photos" / f"{side}.png")
    run = RunConfig(target=(200, 200), precision="float32")
    return JobConfig(source=str(tmp_path / "photos"), output=str(tmp_path / "out"), run=run)


def test_time_is_estimated_by_the_speed_of_each_network(
    job: JobConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[int] = []

    def measure(scale: int) -> float:
        measured.append(scale)
        return SPEEDS[scale]

    monkeypatch.setattr(plan, "fleet_speed", lambda *_: measure)
    run, manifest = open_run(job)
    planner = Planner(run, Devices(1, "cpu"), always_measure=True)
    planner.measure()
    assert sorted(measured) == [2, 4]
    assert manifest is not None
    planned = planner.first(manifest)
    assert planned.summary.megapixels_by_scale == {2: 0.04, 4: 0.04}
    estimate = planned.estimate()
    assert estimate.device_s == pytest.approx(0.04 / 1 + 0.04 / 2)
    assert len(measured) == 2, "once for each scale"


@pytest.mark.parametrize(("scale", "side"), [(2, 384), (4, 768)])
def test_the_network_of_one_scale_is_opened_and_measured(
    job: JobConfig, monkeypatch: pytest.MonkeyPatch, scale: int, side: int
) -> None:
    asked: list[object] = []

    class Recorder:
        def upscale(self, pixels: Pixels, height: int, width: int) -> Upscaled:
            asked.append((height, width))
            return Upscaled(np.zeros((height, width, 3), np.uint8), None)  # type: ignore[arg-type]

    def open_upscaler(model: str, **options: object) -> Recorder:
        asked.append((model, options["scales"]))
        return Recorder()

    monkeypatch.setattr("sr_core.inference.upscaler.open_upscaler", open_upscaler)
    monkeypatch.setattr(speed, "_where_actors_run", lambda _, __, function: function())
    assert speed.fleet_speed(job, Devices(1, "cpu"))(scale) > 0
    assert asked == [(PHOTO, {PHOTO: [scale]}), (side, side), (side, side)]


def test_a_scale_that_only_one_model_has_is_measured_with_it(
    job: JobConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_x4(monkeypatch)
    add_card(monkeypatch, tmp_path, CLEAN, 2)
    models: list[str] = []
    monkeypatch.setattr(speed, "measure_speed", lambda model, *_: models.append(model) or 1.0)
    monkeypatch.setattr(speed, "_where_actors_run", lambda _, __, function: function())
    measure = speed.fleet_speed(job, Devices(1, "cpu"))
    assert measure(2) == measure(4) == 1
    assert models == [CLEAN, PHOTO]
