"""Running a peer in its own process, with its default number of threads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_DEADLINE_S = 3600


def run_peer(name: str, photographs: Path, output: Path, model: str, actors: int) -> float:
    """Run plain_script or ray_data on a folder; return the seconds that it prints.

    Raises: RuntimeError if it fails, or if an output is missing.
    """
    command = [sys.executable, "-m", f"benchmarks.peers.{name}", str(photographs), str(output)]
    command += ["--model", model]
    if name == "ray_data":
        command += ["--actors", str(actors)]
    environment = {key: value for key, value in os.environ.items() if key not in _THREADS}
    result = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        timeout=_DEADLINE_S,
    )
    if result.returncode:
        raise RuntimeError(f"{name} failed:\n{result.stderr[-2000:]}")
    found, wanted = len(list(output.iterdir())), len(list(photographs.iterdir()))
    if found != wanted:
        raise RuntimeError(f"{name} wrote {found} of {wanted} photographs")
    return float(result.stdout.split()[-1])
