"""Models by name, by checkpoint, or by the saved state of a training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.photo_sets import SCALE, Levels
from sr_core.inference.tiled import GeneratorUpscaler
from sr_core.inference.upscaler import Upscaler, open_upscaler
from sr_core.models.generator import Generator
from sr_core.models.tensor_files import read_tensors

Upscale = Callable[[Levels], Levels]

_TRAINING_STATE = ".pt"


def open_model(model: str, precision: Any) -> Upscale:
    """Return a function that enlarges (H, W, 3) by SCALE.

    Of a `state-*.pt` that `srfleet train` keeps, the moving average is taken, in float32.

    Raises: ConfigurationError for an unknown model or an unreadable file.
    """
    path = Path(model)
    is_state = path.suffix == _TRAINING_STATE and path.is_file()
    upscaler = _state(path) if is_state else open_upscaler(model, precision=precision)

    def upscale(pixels: Levels) -> Levels:
        height, width = (SCALE * side for side in pixels.shape[:2])
        return upscaler.upscale(pixels, height, width).pixels.astype("uint8", copy=False)

    return upscale


def _state(path: Path) -> Upscaler:
    content, _ = read_tensors(path)
    generator = Generator(SCALE)
    generator.load_state_dict(content["trainer"]["average"])
    return GeneratorUpscaler(generator.eval(), path.name, device="cpu")
