"""The network alone, run as the job runs it: on float tiles in memory, results discarded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import ray
from PIL import Image
from ray.util import ActorPool

from jobs.upscale.actors import take_cores
from sr_core.config import ExecutionConfig

MODEL = "srgan"


def run_tiles(upscaler: Any, lr: Any) -> None:
    """Run the network on (1, 3, H, W) float32, in the job's tiles."""
    from sr_core.inference.tiling import plan_tail_tiles, plan_tiles  # noqa: PLC0415
    from sr_core.models.generator import TAIL_REACH  # noqa: PLC0415

    engine = upscaler._engine
    features = engine.trunk(lr)
    (whole,) = plan_tiles(*lr.shape[-2:], 0, lr.shape[-2] * lr.shape[-1])
    for tile in plan_tail_tiles(whole, TAIL_REACH, upscaler.tail_px):
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
    """An actor with the job's cores that only runs the network."""

    def __init__(self, folder: str, execution: ExecutionConfig) -> None:
        # Imported in the actor only: the driver needs no torch.
        from sr_core.imaging.tensors import to_tensor  # noqa: PLC0415
        from sr_core.inference.upscaler import open_upscaler  # noqa: PLC0415

        take_cores(execution, "cpu")
        self._upscaler: Any = open_upscaler(MODEL)
        self._tiles = {}
        for path in sorted(Path(folder).iterdir()):
            with Image.open(path) as image:
                self._tiles[path.name] = to_tensor(np.array(image.convert("RGB")))

    def ready(self) -> None:
        """Return when everything is loaded."""

    def run(self, name: str) -> float:
        """Run the network on a photograph; return output megapixels."""
        lr = self._tiles[name]
        run_tiles(self._upscaler, lr)
        return float(lr.shape[-2] * lr.shape[-1] * 16 / 1e6)


def run_bare(folder: Path, execution: ExecutionConfig, actors: int) -> float:
    """Distribute the photographs of a folder over actors; return output megapixels per second.

    The actors are new and end with it, as they hold their cores as long as they live.
    """
    remote = Bare.options(num_cpus=execution.cpus_per_actor)  # type: ignore[attr-defined]
    started = [remote.remote(str(folder), execution) for _ in range(actors)]
    ray.get([actor.ready.remote() for actor in started])
    names = sorted(path.name for path in folder.iterdir())
    pool = ActorPool(started)
    rate = timed(lambda: pool.map_unordered(lambda actor, name: actor.run.remote(name), names))
    for actor in started:
        ray.kill(actor)
    return rate


def timed(megapixels: Callable[[], Iterable[float]]) -> float:
    """Sum up megapixels as they arrive; return megapixels per second."""
    start = time.perf_counter()
    total = sum(megapixels())
    return float(total / (time.perf_counter() - start))
