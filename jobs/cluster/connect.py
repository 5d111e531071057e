"""Ray: connect or start it, count its devices, and reserve them for actors."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, NotRequired, TypedDict

import ray

from sr_core.config import ExecutionConfig
from sr_core.errors import ConfigurationError, RetryLaterError

# Ray holds only small messages here; its default is 30 % of the memory.
_OBJECT_STORE_BYTES = 128 << 20
_POLL_S = 2.0

_Handler = Callable[[int, FrameType | None], Any] | int | None
"""Result of `signal.getsignal`; None if the handler was not set by Python."""


@dataclass(frozen=True, slots=True)
class Devices:
    """Number of actors of a run, and their kind of device (cpu or cuda)."""

    actors: int
    device: str


class ActorOptions(TypedDict):
    """Options of `ray.remote` that reserve resources."""

    num_cpus: float
    num_gpus: int
    scheduling_strategy: str
    accelerator_type: NotRequired[str]


@contextmanager
def connected(execution: ExecutionConfig) -> Iterator[None]:
    """Join the cluster at the configured address, or start a local Ray and stop it at the end.

    If this process is connected to a Ray already, that connection is used and kept.

    Raises: RetryLaterError if the cluster does not answer.
    """
    if ray.is_initialized():
        yield
        return
    logging.getLogger("ray").setLevel(logging.ERROR)  # it greets with notes for its operators
    options: dict[str, Any] = {
        "logging_level": logging.ERROR,
        "log_to_driver": False,
        "configure_logging": False,
    }
    address = _address(execution)
    if address is None:
        options |= {
            "address": "local",
            "include_dashboard": False,
            "object_store_memory": _OBJECT_STORE_BYTES,
        }
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
        if cores and cores < (os.cpu_count() or 1):
            options["num_cpus"] = cores  # the cores a scheduler left us, which Ray ignores
    else:
        options["address"] = address
    on_sigterm = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(**options)
    except (ConnectionError, RuntimeError, TimeoutError) as error:
        raise RetryLaterError(f"cannot reach Ray at {address or 'local'}: {error}") from error
    _set_sigterm_handler(on_sigterm)
    try:
        yield
    finally:
        ray.shutdown()


def _set_sigterm_handler(handler: _Handler) -> None:
    """Put back the handler that Ray replaces when it starts.

    Ray's own handler prints a stack trace and sets an alarm that aborts the process (SIGABRT) after
    three seconds, too short for a busy machine or slow storage to shut down in order.
    """
    if handler is not None and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)


def choose_devices(execution: ExecutionConfig) -> Devices:
    """Choose the number of actors and their device from what the cluster has.

    Waits for a cluster that has no machine for an actor yet.

    Raises: ConfigurationError if a local Ray is too small; RetryLaterError if a cluster still is
        after `node_wait_s`.
    """
    end = time.monotonic() + (execution.node_wait_s if _address(execution) else 0)
    while not (devices := _devices_now(execution)).actors:
        if time.monotonic() >= end:
            problem = (
                f"no actor fits: on {devices.device} each takes {_needs(execution, devices)}, and "
                f"no machine of this Ray has that; it has {_has()}"
            )
            if _address(execution):
                raise RetryLaterError(problem)
            raise ConfigurationError(f"{problem}; use --device cpu, or reserve less per actor")
        time.sleep(_POLL_S)
    wanted = execution.actors or devices.actors
    if wanted > devices.actors:
        raise ConfigurationError(
            f"{wanted} actors do not fit: each takes {_needs(execution, devices)}, and Ray has "
            f"{_has()}; use --actors {devices.actors}"
        )
    return Devices(wanted, devices.device)


def room(execution: ExecutionConfig, device: str) -> int:
    """Count the actors that fit on the machines that are alive now."""
    return sum(_fits(node["Resources"], execution, device) for node in ray.nodes() if node["Alive"])


def actor_options(execution: ExecutionConfig, device: str) -> ActorOptions:
    """Return the resources that one actor, or a task in its place, reserves."""
    options: ActorOptions = {
        "num_cpus": execution.cpus_per_actor,
        "num_gpus": 1 if device == "cuda" else 0,
        "scheduling_strategy": "SPREAD",
    }
    if execution.accelerator_type is not None:
        options["accelerator_type"] = execution.accelerator_type
    return options


def node_is_alive(node_id: str) -> bool:
    """Return True if Ray counts a node as alive."""
    return any(node["NodeID"] == node_id and node["Alive"] for node in ray.nodes())


def _address(execution: ExecutionConfig) -> str | None:
    return execution.address or os.environ.get("RAY_ADDRESS")


def _devices_now(execution: ExecutionConfig) -> Devices:
    device = execution.device
    if device == "auto":
        device = "cuda" if ray.cluster_resources().get("GPU") else "cpu"
    return Devices(room(execution, device), device)


def _fits(resources: dict[str, float], execution: ExecutionConfig, device: str) -> int:
    kind = execution.accelerator_type
    if kind is not None and f"accelerator_type:{kind}" not in resources:
        return 0
    actors = resources.get("CPU", 0) / execution.cpus_per_actor
    if device == "cuda":
        actors = min(actors, resources.get("GPU", 0))
    memory = resources.get("memory")
    if memory is not None:
        actors = min(actors, memory / (execution.memory_budget_mb << 20))
    return int(actors)


def _needs(execution: ExecutionConfig, devices: Devices) -> str:
    parts = [f"{execution.cpus_per_actor:g} CPU cores", f"{execution.memory_budget_mb} MiB"]
    if devices.device == "cuda":
        parts.append(f"1 GPU {execution.accelerator_type or ''}".strip())
    return ", ".join(parts)


def _has() -> str:
    resources = ray.cluster_resources()
    memory = resources.get("memory", 0) / 2**20
    return (
        f"{resources.get('CPU', 0):g} CPU cores, {resources.get('GPU', 0):g} GPUs and "
        f"{memory:.0f} MiB in all"
    )
