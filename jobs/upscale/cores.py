"""The CPU cores of one actor: how many threads it runs, and on which cores it stays."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

_CONTROL_GROUP = Path("/sys/fs/cgroup")
# Each holds its name until this process ends, however it ends.
_claims: list[socket.socket] = []


def limit_threads(cores: int) -> None:
    """Keep the libraries that start threads of their own to so many."""
    import pyarrow as pa
    import torch

    torch.set_num_threads(cores)
    pa.set_cpu_count(cores)


def keep_to_cores(count: int, *, prefix: str = "srfleet") -> list[int]:
    """Pin this process, all of its threads, to cores that no other actor of this machine has.

    Actors that each stay on their core outrun those that the system moves about, and those that
    share several. Where there are not enough free cores, nothing is pinned; nor in a container that
    has a quota of time in place of cores of its own, as others would choose the same cores.

    Args:
        count: how many cores.
        prefix: of the claims' names; actors with different ones do not see each other.

    Returns:
        The cores, or none.
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
    """Return how many cores' time a control group may use, None where it may use all.

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
    """Return what holds a name on this machine; None where another process does.

    A Unix socket in the abstract namespace: no file, so nothing to be left behind, no rights, and
    the same whatever the folder for temporary files.
    """
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0{name}")
    except OSError:
        claim.close()
        return None
    return claim
