"""srfleet doctor: whether this machine can upscale, and what to do where it cannot."""

from __future__ import annotations

import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import ray
from ray.exceptions import RayError
from rich.console import Console

from jobs.cli.exit_codes import ExitCode
from jobs.cluster.connect import connected
from sr_core import scratch
from sr_core.archive.storage import open_store
from sr_core.config import ExecutionConfig
from sr_core.errors import SrfleetError


def run_doctor(console: Console, root: str | None, address: str | None) -> int:
    """Check versions, device, weights, Ray and, where one is given, the storage.

    Returns:
        0 where everything works, 2 otherwise.
    """
    broken = 0
    for name, check in _checks(root, address):
        try:
            said, good = check(), True
        except (SrfleetError, RayError, ImportError, RuntimeError, OSError) as error:
            said, good = f"{error}", False
        broken += not good
        console.print("[green]ok[/]  " if good else "[red]bad[/] ", f"{name}: ", end="")
        console.print(said, markup=False, highlight=False)
    if broken:
        console.print(f"{broken} of these must be put right first")
        return ExitCode.USAGE
    console.print("ready to upscale")
    return ExitCode.DONE


def _checks(root: str | None, address: str | None) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "versions", _versions
    yield "device", _device
    yield "weights", _weights
    yield "large images", _scratch
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


def _scratch() -> str:
    folder = Path(tempfile.gettempdir())
    free_gb = shutil.disk_usage(folder).free / 1e9
    if scratch.in_memory(folder):
        return (
            f"go through files in {folder}, which is in memory itself ({free_gb:.0f} GB free): let "
            "TMPDIR name a folder on a disk"
        )
    return f"go through files in {folder}, {free_gb:.0f} GB free"


def _weights() -> str:
    import torch

    from sr_core.inference.upscaler import open_upscaler
    from sr_core.models.catalogue import shipped_models

    device = "cuda" if torch.cuda.is_available() else "cpu"
    names = shipped_models()
    engines = {str(open_upscaler(name, device=device).engine) for name in names}
    computed = f"computed by {', '.join(sorted(engines))} on {device}"
    return f"{', '.join(names)}: a known tile comes out as it should, {computed}"


def _ray(address: str | None) -> str:
    with connected(ExecutionConfig(address=address)):
        resources = ray.cluster_resources()
        nodes = sum(bool(node["Alive"]) for node in ray.nodes())
    cpus, gpus = resources.get("CPU", 0), resources.get("GPU", 0)
    where = "this machine" if nodes == 1 else f"{nodes} machines"
    return f"starts; {where} with {cpus:g} CPU cores and {gpus:g} GPUs"


def _storage(root: str) -> str:
    store = open_store(root)
    if store.refuses_overwrites():
        return f"{store.uri} can be written and refuses overwrites"
    return f"{store.uri} can be written but allows overwrites; run one driver on it at a time"
