"""Golden outputs of each upscaler for one photograph, inspected by eye when they were written.

Networks are computed by the reference, torch in float32; `test_engines.py` has the other engines.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sr_core.inference.upscaler import open_upscaler
from sr_core.models.catalogue import shipped_models

FOLDER = Path(__file__).parent
SAMPLE = FOLDER.parents[1] / "jobs/samples/lr/kitten.png"
MODELS = ["nearest", "bilinear", "bicubic", *shipped_models()]
# Libraries round floats differently; every visible change is far above one level.
TOLERANCE_LEVELS = 1


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("scale", [2, 4])
def test_the_output_is_the_golden_one(model: str, scale: int, pytestconfig: pytest.Config) -> None:
    with Image.open(SAMPLE) as sample:
        lr = np.array(sample.crop((48, 30, 88, 60)))
    upscaler = open_upscaler(model, precision="float32", engine="torch")
    sr = upscaler.upscale(lr, lr.shape[0] * scale, lr.shape[1] * scale).pixels
    path = FOLDER / f"{model}_x{scale}.png"
    if pytestconfig.getoption("write_golden"):
        Image.fromarray(sr).save(path, optimize=True)
    with Image.open(path) as golden:
        difference = np.abs(sr.astype(int) - np.asarray(golden).astype(int))
    assert difference.max() <= TOLERANCE_LEVELS
