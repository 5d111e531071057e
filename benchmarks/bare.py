"""The network alone, as the job runs it: on float tiles in memory, results thrown away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import ray
from PIL import Image

from jobs.actors import limit_threads
from sr_core.config import ExecutionConfig

MODEL = "srgan"


def run_tiles(upscaler: Any, lr: Any) -> None:
    """Run the network on (1, 3, H, W) float32, in the job's tiles."""
    from sr_core.inference.tiling import plan_tiles  # noqa: PLC0415
    from sr_core.models.generator import TAIL_REACH  # noqa: PLC0415

    engine = upscaler._engine
    features = engine.trunk(lr)
    for tile in plan_tiles(*lr.shape[-2:], TAIL_REACH, upscaler.tail_px):
        rows, columns = tile.rows, tile.columns
        engine.tail(
            features[
                ...,
                rows.window_start : rows.window_stop,
                columns.window_start : columns.window_stop,
            ]
        )


@ray.remote
class Bare:
    """An actor of the job's size that does nothing but run the network."""

    def __init__(self, folder: str, execution: ExecutionConfig) -> None:
        # In the actor only: the driver needs no torch.
        from sr_core.imaging.tensors import to_tensor  # noqa: PLC0415
        from sr_core.inference.upscaler import open_upscaler  # noqa: PLC0415

        limit_threads(execution)
        self._upscaler: Any = open_upscaler(MODEL)
        self._tiles = {}
        for path in sorted(Path(folder).iterdir()):
            with Image.open(path) as image:
                self._tiles[path.name] = to_tensor(np.array(image.convert("RGB")))
        run_tiles(self._upscaler, self._tiles[path.name][..., :64, :64])

    def ready(self) -> None:
        """Return once everything is loaded."""

    def run(self, name: str) -> float:
        """Run the network on a photograph; returns output megapixels."""
        lr = self._tiles[name]
        run_tiles(self._upscaler, lr)
        return float(lr.shape[-2] * lr.shape[-1] * 16 / 1e6)


def start_bare(folder: Path, execution: ExecutionConfig, actors: int) -> list[Any]:
    """Start actors that hold the photographs of a folder, and wait for them."""
    # Whoever runs beside them rests meanwhile, so they reserve nothing.
    options = Bare.options(num_cpus=0)  # type: ignore[attr-defined]
    started = [options.remote(str(folder), execution) for _ in range(actors)]
    ray.get([actor.ready.remote() for actor in started])
    return started
