"""The CPU cores of one actor: how many threads it runs, and on which cores it stays."""

from __future__ import annotations

import fcntl
import os
import tempfile
from contextlib import suppress
from pathlib import Path

# Locks hold while their file is open, which is until this process ends, however it ends.
_claims: list[int] = []


def limit_threads(cores: int) -> None:
    """Keep the libraries that start threads of their own to so many."""
    import pyarrow as pa
    import torch

    torch.set_num_threads(cores)
    pa.set_cpu_count(cores)


def keep_to_cores(count: int) -> list[int]:
    """Pin this process, all of its threads, to cores that no other actor of this machine has.

    Actors that each stay on their core outrun those that the system moves about, and those that
    share several. Where there are not enough free cores, nothing is pinned.

    Returns:
        The cores, or none.
    """
    if not hasattr(os, "sched_setaffinity"):
        return []  # not Linux
    claimed: dict[int, int] = {}
    for core in sorted(os.sched_getaffinity(0)):
        if len(claimed) < count and (lock := _claim(core)) is not None:
            claimed[core] = lock
    if len(claimed) < count:
        for lock in claimed.values():
            os.close(lock)
        return []
    _claims.extend(claimed.values())
    for thread in os.listdir("/proc/self/task"):
        with suppress(ProcessLookupError):  # it has ended meanwhile
            os.sched_setaffinity(int(thread), claimed)
    return list(claimed)


def _claim(core: int) -> int | None:
    """Return the descriptor that holds the lock of a core; None where another process has it."""
    path = Path(tempfile.gettempdir()) / f"srfleet-core-{core}.lock"
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError:
        return None  # another user's
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock
