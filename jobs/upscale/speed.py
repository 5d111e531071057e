"""The speed of a model on the machines that run the actors."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import ray
from ray.exceptions import GetTimeoutError

from jobs.cluster.connect import Devices, actor_options
from jobs.upscale.cores import limit_threads
from sr_core.config import ExecutionConfig, JobConfig
from sr_core.errors import RetryLaterError


def fleet_speed(job: JobConfig, devices: Devices) -> Callable[[], float]:
    """Return a call that measures one actor's output megapixels per second where actors run."""

    def speed() -> float:
        measure = ray.remote(measure_speed).options(
            **actor_options(job.execution, devices.device), max_retries=1
        )
        call = measure.remote(job.run.model, job.execution, devices.device)
        try:
            return float(ray.get(call, timeout=job.execution.node_wait_s))
        except GetTimeoutError as error:
            raise RetryLaterError(
                f"no machine was free within {job.execution.node_wait_s:g} s to measure the speed"
            ) from error

    return speed


def measure_speed(model: str, execution: ExecutionConfig, device: str) -> float:
    """Return the output megapixels per second of a model on this machine's device.

    One tile of 192x192 pixels, upscaled twice; the second time counts.
    """
    from sr_core.inference.upscaler import open_upscaler

    # Not pinned: the process that measures stays, and would keep the core from an actor.
    limit_threads(max(1, int(execution.cpus_per_actor)))
    upscaler = open_upscaler(model, device=device, engine=execution.engine)
    tile = np.random.default_rng(0).integers(0, 256, (192, 192, 3), np.uint8)
    seconds = 0.0
    for _ in range(2):
        start = time.monotonic()
        sr = upscaler.upscale(tile, 768, 768).pixels
        seconds = time.monotonic() - start
    return float(sr.shape[0] * sr.shape[1] / 1e6 / seconds)
