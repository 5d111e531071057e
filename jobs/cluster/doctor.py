"""Checks of a machine: can it upscale, and if not, what is missing?"""

from __future__ import annotations

import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import ray
from ray.exceptions import RayError

from jobs.cluster.connect import connected
from sr_core import scratch
from sr_core.archive.storage import open_store
from sr_core.config import ExecutionConfig
from sr_core.errors import SrfleetError


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check: what was found, or the error."""

    name: str
    good: bool
    message: str


def examine(root: str | None, address: str | None) -> Iterator[Check]:
    """Check versions, device, weights, temporary files and Ray; with a root, also its storage."""
    for name, check in _checks(root, address):
        try:
            yield Check(name, True, check())
        except (SrfleetError, RayError, ImportError, RuntimeError, OSError) as error:
            yield Check(name, False, str(error))


def _checks(root: str | None, address: str | None) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "versions", _versions
    yield "device", _device
    yield "weights", _weights
    yield "large images", _temporary_files
    yield "ray", lambda: _ray(address)
    if root is not None:
        yield "storage", lambda: _storage(root)


def _versions() -> str:
    packages = ("srfleet", "torch", "ray", "pillow", "pyarrow", "boto3")
    listed = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"Python {platform.python_version()}, {listed}"


def _device() -> str:
    import torch

    free_gb = shutil.disk_usage(".").free / 1e9
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        return f"{len(names)} GPUs ({', '.join(names)}), {free_gb:.0f} GB of disk free here"
    return f"no GPU, {torch.get_num_threads()} CPU cores, {free_gb:.0f} GB of disk free here"


def _temporary_files() -> str:
    folder = Path(tempfile.gettempdir())
    free_gb = shutil.disk_usage(folder).free / 1e9
    if scratch.in_memory(folder):
        return (
            f"use temporary files in {folder}, which is itself in memory ({free_gb:.0f} GB free); "
            "set TMPDIR to a folder on a disk"
        )
    return f"use temporary files in {folder}, {free_gb:.0f} GB free"


def _weights() -> str:
    import torch

    from sr_core.inference.upscaler import open_upscaler
    from sr_core.models.catalogue import shipped_models

    device = "cuda" if torch.cuda.is_available() else "cpu"
    names = shipped_models()
    engines = {str(open_upscaler(name, device=device).engine) for name in names}
    computed = f"computed by {', '.join(sorted(engines))} on {device}"
    return f"{', '.join(names)}: a known tile comes out right, {computed}"


def _ray(address: str | None) -> str:
    with connected(ExecutionConfig(address=address)):
        resources = ray.cluster_resources()
        nodes = sum(bool(node["Alive"]) for node in ray.nodes())
    cpus, gpus = resources.get("CPU", 0), resources.get("GPU", 0)
    where = "this machine" if nodes == 1 else f"{nodes} machines"
    return f"works; {where} with {cpus:g} CPU cores and {gpus:g} GPUs"


def _storage(root: str) -> str:
    store = open_store(root)
    if store.refuses_overwrites():
        return f"{store.uri} is writable and refuses overwrites"
    return f"{store.uri} is writable but allows overwrites; run only one srfleet on it at a time"
