"""Ray itself: connect or start it, see which devices it has, and what actors ask of it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ray

from sr_core.config import ExecutionConfig
from sr_core.errors import ConfigurationError, RetryLaterError

# Ray keeps only small messages of ours; its default is 30 % of the memory.
_OBJECT_STORE_BYTES = 128 << 20


@dataclass(frozen=True, slots=True)
class Devices:
    """What the actors of a run get: how many actors, on which kind of device."""

    actors: int
    device: str


@contextmanager
def connected(execution: ExecutionConfig) -> Iterator[None]:
    """Join the cluster at the configured address, or start a local Ray and stop it at the end.

    A Ray that this process has joined already is used and left as it is.

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
    address = execution.address or os.environ.get("RAY_ADDRESS")
    if address is None:
        options |= {
            "address": "local",
            "num_cpus": os.cpu_count(),
            "include_dashboard": False,
            "object_store_memory": _OBJECT_STORE_BYTES,
        }
    else:
        options["address"] = address
    try:
        ray.init(**options)
    except (ConnectionError, RuntimeError, TimeoutError) as error:
        raise RetryLaterError(f"cannot reach Ray at {address or 'local'}: {error}") from error
    try:
        yield
    finally:
        ray.shutdown()


def choose_devices(execution: ExecutionConfig) -> Devices:
    """Decide how many actors run on what, from what the cluster has now.

    Raises: ConfigurationError if the cluster lacks what was asked for.
    """
    resources = ray.cluster_resources()
    gpus, cpus = int(resources.get("GPU", 0)), resources.get("CPU", 0.0)
    device = execution.device
    if device == "auto":
        device = "cuda" if gpus else "cpu"
    room = gpus if device == "cuda" else int(cpus / execution.cpus_per_actor)
    if room == 0:
        have = "no GPU" if device == "cuda" else f"{cpus:g} CPU cores"
        raise ConfigurationError(
            f"no actor fits: device is {device} with {execution.cpus_per_actor:g} cores each, and "
            f"Ray has {have}; use --device cpu or another cluster"
        )
    wanted = execution.actors or room
    if wanted > room:
        raise ConfigurationError(
            f"{wanted} actors do not fit: Ray has {gpus} GPUs and {cpus:g} CPU cores; "
            f"use --actors {room}"
        )
    return Devices(wanted, device)


def actor_options(execution: ExecutionConfig, device: str) -> dict[str, Any]:
    """Return what one actor, or a task in its place, reserves of a machine."""
    options: dict[str, Any] = {
        "num_cpus": execution.cpus_per_actor,
        "num_gpus": 1 if device == "cuda" else 0,
        "scheduling_strategy": "SPREAD",
    }
    if execution.accelerator_type is not None:
        options["accelerator_type"] = execution.accelerator_type
    return options


def node_is_alive(node_id: str) -> bool:
    """Tell whether Ray still counts a node in."""
    return any(node["NodeID"] == node_id and node["Alive"] for node in ray.nodes())
