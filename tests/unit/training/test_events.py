"""TensorBoard's event files, read back by TensorBoard."""

from __future__ import annotations

import io
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from sr_core.training.curves import EventWriter
from sr_core.training.journal import StepRecord, ValidationRecord


def l1(step: int, value: float, stage: str = "srresnet") -> StepRecord:
    return StepRecord(stage, step, 0.5, 6e-4, {"l1": value})


def test_without_tensorboard_events_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    events = EventWriter(tmp_path)
    events.append(l1(1, 0.1))
    events.sample("srresnet", 1, np.zeros((4, 4, 3), np.uint8))
    events.close()
    assert list(tmp_path.iterdir()) == []


def scalars(folder: Path, stage: str) -> dict[str, list[tuple[int, float]]]:
    """Read a stage's events as TensorBoard does."""
    events = EventAccumulator(str(folder / "tensorboard" / stage), {"scalars": 0, "images": 0})
    events.Reload()
    return {
        tag: [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def test_tensorboard_reads_every_value(tmp_path: Path) -> None:
    events = EventWriter(tmp_path)
    events.append(l1(10, 0.25))
    events.append(l1(20, math.nan))
    events.append(ValidationRecord("srresnet", 20, 28.5, 0.75, 0.125))
    events.append(ValidationRecord("srgan", 10, 27.5, 0.75, None))
    # Read while the training is running: nothing may be left in a buffer.
    assert scalars(tmp_path, "srresnet") == {
        "loss/l1": [(10, 0.25), (20, pytest.approx(math.nan, nan_ok=True))],
        "learning_rate": [(10, pytest.approx(6e-4)), (20, pytest.approx(6e-4))],
        "steps_per_second": [(10, 2.0), (20, 2.0)],
        "validation/psnr_y_db": [(20, 28.5)],
        "validation/ssim_y": [(20, 0.75)],
        "validation/lpips_alex": [(20, 0.125)],
    }
    assert scalars(tmp_path, "srgan").keys() == {"validation/psnr_y_db", "validation/ssim_y"}
    events.close()


def test_tensorboard_shows_a_repeated_step_once(tmp_path: Path) -> None:
    killed = EventWriter(tmp_path)
    for step in (10, 20, 30, 40):
        killed.append(l1(step, 1.0))
    killed.append(l1(10, 1.0, "srgan"))
    killed.close()
    resumed = EventWriter(tmp_path)
    for step in (30, 40, 50):
        resumed.append(l1(step, 0.5))
    resumed.close()
    shown = scalars(tmp_path, "srresnet")["loss/l1"]
    assert shown == [(10, 1.0), (20, 1.0), (30, 0.5), (40, 0.5), (50, 0.5)]
    assert scalars(tmp_path, "srgan")["loss/l1"] == [(10, 1.0)]


def test_tensorboard_shows_samples(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    writer = EventWriter(tmp_path)
    writer.sample("srgan", 70, pixels)
    writer.close()
    events = EventAccumulator(str(tmp_path / "tensorboard" / "srgan"))
    events.Reload()
    (image,) = events.Images("sample")
    assert image.step == 70
    with Image.open(io.BytesIO(image.encoded_image_string)) as decoded:
        np.testing.assert_array_equal(np.asarray(decoded), pixels)
