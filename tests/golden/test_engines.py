"""Every engine against the reference and the truth, with floors that hold on every CPU.

docs/engines.md has the measurements, with and without the newer instructions.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from benchmarks.engines import PRECISIONS
from sr_core.imaging.tensors import to_tensor
from sr_core.inference.engines import ENGINES, usable_engines
from sr_core.inference.upscaler import open_upscaler
from sr_core.metrics.reference import psnr_y
from sr_core.models.catalogue import shipped_models

SAMPLES = Path(__file__).parents[2] / "jobs/samples"
NAMES = ("kitten", "circuits", "night-road")
SCALE = 4
# Least PSNR from the reference; most that PSNR-Y against the truth may lose on any photograph.
# Measured 50.3 and 0.004 dB in half, 42.1 and 0.11 dB in int8, on eight whole photographs.
FLOORS = {"torch": (60.0, 0.001), "openvino": (60.0, 0.001)}
FLOORS |= {"openvino-bf16": (47.0, 0.02), "openvino-int8": (39.0, 0.2)}

Images = list[NDArray[np.uint8]]


def samples(kind: str, scale: int) -> Images:
    """The same window of each photograph, at LR or HR."""
    images = []
    for name in NAMES:
        (path,) = (SAMPLES / kind).glob(f"{name}.*")
        with Image.open(path) as image:
            window = image.convert("RGB").crop(tuple(scale * n for n in (24, 16, 120, 88)))
            images.append(np.array(window))
    return images


@cache
def reference(model: str) -> Images:
    return upscaled(model, "torch")


def upscaled(model: str, engine: str) -> Images:
    upscaler = open_upscaler(model, precision=PRECISIONS[engine], engine=engine.partition("-")[0])
    outputs = [
        upscaler.upscale(lr, SCALE * lr.shape[0], SCALE * lr.shape[1]) for lr in samples("lr", 1)
    ]
    assert {each.made_by.engine for each in outputs} == {engine}
    return [each.pixels for each in outputs]


def psnr(found: Images, wanted: Images) -> float:
    error = np.stack(found).astype(float) - np.stack(wanted)
    return float(10 * np.log10(255**2 / max(float((error**2).mean()), 1e-9)))


@pytest.mark.parametrize("model", shipped_models())
@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_keeps_to_the_reference_and_to_the_truth(model: str, engine: str) -> None:
    if engine not in (*usable_engines("cpu"), "openvino-int8"):
        pytest.skip("this CPU has neither AVX512_BF16 nor AMX, or OpenVINO does not see them")
    least_db, most_loss_db = FLOORS[engine]
    found = upscaled(model, engine)
    assert psnr(found, reference(model)) >= least_db
    for truth, expected, output in zip(samples("hr", SCALE), reference(model), found, strict=True):
        scores: list[float] = [
            psnr_y(to_tensor(image), to_tensor(truth), SCALE) for image in (expected, output)
        ]
        assert scores[0] - scores[1] <= most_loss_db
