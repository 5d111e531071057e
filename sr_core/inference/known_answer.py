"""The check that an engine computes its network correctly, made at every start."""

from __future__ import annotations

import math

import numpy as np
import torch

from sr_core.imaging.pixels import Pixels
from sr_core.inference.engine import UnfitError
from sr_core.inference.tiled import GeneratorUpscaler

# Levels of 255 that rounding alone explains, by the type that an engine multiplies. A larger error
# means a broken device, driver, library or conversion.
TOLERATED_LEVELS = {torch.float32: 1, torch.float16: 2, torch.bfloat16: 4, torch.int8: 12}


_TIMES = {"cpu": 1, "cuda": 3}


def known_tile() -> Pixels:
    """Return smooth colours round a block of a saturated one, (24, 32, 3) uint8."""
    y, x = np.mgrid[0:24, 0:32]
    channels = [128 + 100 * np.sin(x / (k + 2)) * np.cos(y / (k + 3)) for k in range(3)]
    tile: Pixels = np.stack(channels, axis=-1).round().astype(np.uint8)
    tile[8:16, 10:20] = (255, 0, 64)
    return tile


def known_answer_error(upscaler: GeneratorUpscaler) -> float:
    """Return the error of an upscaler against the plain network in float32 on the CPU.

    `known_tile` is upscaled both ways. The error is the difference, in levels of 255, that all but
    1 in 200 values stay within: in half precision, networks with steep responses differ by more at
    single pixels of such edges. Infinity if the engine finds the tile unfit.
    """
    tile = known_tile()
    expected = upscaler.reference(tile)
    # CUDA computes the first time, records the second and replays the third: each can be wrong.
    return max(_error(upscaler, tile, expected) for _ in range(_TIMES[upscaler.device.type]))


def _error(upscaler: GeneratorUpscaler, tile: Pixels, expected: Pixels) -> float:
    try:
        difference = np.abs(upscaler.compute(tile).astype(int) - expected.astype(int))
    except UnfitError:
        return math.inf
    return float(np.quantile(difference, 1 - 1 / 200, method="higher"))
