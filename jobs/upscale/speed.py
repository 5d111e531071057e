"""The speed and the precision of the machines that run the actors."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, TypeVar

import numpy as np
import ray
from ray.exceptions import GetTimeoutError

from jobs.cluster.connect import Devices, actor_options
from jobs.upscale.cores import limit_threads
from sr_core.config import ExecutionConfig, JobConfig
from sr_core.errors import RetryLaterError
from sr_core.models.catalogue import ASSUMED_SCALE, models_of, native_scales
from sr_core.records import Precision

T = TypeVar("T")


def fleet_speed(job: JobConfig, devices: Devices) -> Callable[[int], float]:
    """Return a call that measures one actor's output megapixels per second where actors run.

    Its argument is the scale of the network. The models of "auto" are equally fast.
    """
    models = models_of(job.run.model)

    def speed(scale: int) -> float:
        execution, device = job.execution, devices.device
        model = next((each for each in models if scale in native_scales(each)), models[0])
        return _where_actors_run(
            execution,
            device,
            lambda: measure_speed(model, job.run.precision, execution, device, scale),
        )

    return speed


def fleet_precision(job: JobConfig, devices: Devices) -> Precision:
    """Return the precision that "auto" means on a machine where actors run."""
    device, library = devices.device, job.execution.engine

    def preferred() -> Precision:
        from sr_core.inference.engines import preferred_precision

        return preferred_precision(device, library)

    return _where_actors_run(job.execution, device, preferred)


def _where_actors_run(execution: ExecutionConfig, device: str, function: Callable[[], T]) -> T:
    """Run a function on a machine that has room for an actor, and return its result.

    Raises: RetryLaterError if no machine is free within `node_wait_s`.
    """
    task = ray.remote(function).options(**actor_options(execution, device), max_retries=1)
    try:
        result: T = ray.get(task.remote(), timeout=execution.node_wait_s)
    except GetTimeoutError as error:
        raise RetryLaterError(
            f"no machine was free within {execution.node_wait_s:g} s to measure the speed"
        ) from error
    return result


def measure_speed(
    model: str,
    precision: Precision | Literal["auto"],
    execution: ExecutionConfig,
    device: str,
    scale: int = ASSUMED_SCALE,
) -> float:
    """Return the output megapixels per second of a model on this machine's device.

    One tile of 192x192 pixels, upscaled twice; the second time counts.

    Args:
        model: name or path of the model.
        precision: see `open_upscaler`.
        execution: engine and cores.
        device: cpu or cuda.
        scale: scale of the network, if the model has several.
    """
    from sr_core.inference.upscaler import open_upscaler

    # Not pinned: the process that measures stays, and would keep the core from an actor.
    limit_threads(max(1, int(execution.cpus_per_actor)))
    upscaler = open_upscaler(
        model, device=device, precision=precision, engine=execution.engine, scales={model: [scale]}
    )
    tile = np.random.default_rng(0).integers(0, 256, (192, 192, 3), np.uint8)
    seconds = 0.0
    for _ in range(2):
        start = time.monotonic()
        sr = upscaler.upscale(tile, 192 * scale, 192 * scale).pixels
        seconds = time.monotonic() - start
    return float(sr.shape[0] * sr.shape[1] / 1e6 / seconds)
