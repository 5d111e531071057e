"""The CPU cores of one actor: its number of threads, and the cores it is pinned to."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

_CONTROL_GROUP = Path("/sys/fs/cgroup")
# Each holds its name until this process ends, for whatever reason.
_claims: list[socket.socket] = []


def limit_threads(cores: int) -> None:
    """Limit the threads of libraries that start their own."""
    import pyarrow as pa
    import torch

    torch.set_num_threads(cores)
    pa.set_cpu_count(cores)


def keep_to_cores(count: int, *, prefix: str = "srfleet") -> list[int]:
    """Pin all threads of this process to cores that no other actor of this machine has.

    Actors that each stay on their core are faster than those that the system moves, and than those
    that share several. Nothing is pinned if there are not enough free cores, nor in a container
    with a quota of CPU time instead of its own cores, as others would choose the same cores.

    Args:
        count: number of cores.
        prefix: prefix of the claims' names; actors with different prefixes ignore each other.

    Returns:
        The cores, or an empty list if nothing was pinned.
    """
    if not hasattr(os, "sched_setaffinity"):
        return []  # not Linux
    cores = sorted(os.sched_getaffinity(0))
    quota = cpu_quota(_CONTROL_GROUP)
    if quota is not None and quota < len(cores):
        return []
    claimed: dict[int, socket.socket] = {}
    for core in cores:
        if len(claimed) < count and (claim := _claim(f"{prefix}-core-{core}")) is not None:
            claimed[core] = claim
    if len(claimed) < count:
        for claim in claimed.values():
            claim.close()
        return []
    _claims.extend(claimed.values())
    for thread in os.listdir("/proc/self/task"):
        with suppress(ProcessLookupError):  # it has ended meanwhile
            os.sched_setaffinity(int(thread), claimed)
    return list(claimed)


def cpu_quota(control_group: Path) -> float | None:
    """Return the CPU time that a control group may use, in cores; None if it may use all.

    Source: Linux, Documentation/admin-guide/cgroup-v2.rst (cpu.max) and scheduler/sched-bwc.rst.
    """
    try:
        if (both := control_group / "cpu.max").exists():
            quota, period = both.read_text().split()
        else:
            quota, period = (
                (control_group / "cpu" / f"cpu.cfs_{name}_us").read_text()
                for name in ("quota", "period")
            )
        return float(quota) / float(period) if float(quota) > 0 else None
    except (OSError, ValueError):  # no control groups, or "max"
        return None


def _claim(name: str) -> socket.socket | None:
    """Claim a name on this machine; None if another process holds it.

    A Unix socket in the abstract namespace is not a file: nothing is left behind, there are no
    permissions, and the folder for temporary files does not matter.
    """
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0{name}")
    except OSError:
        claim.close()
        return None
    return claim
