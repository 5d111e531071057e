"""The numeric tests once more, on lesser CPUs, as the libraries' own switches pretend."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.instructions import ALL, INSTRUCTION_SETS

ROOT = Path(__file__).parents[2]
NUMERIC = (
    "tests/golden/test_upscalers.py",
    "tests/golden/test_engines.py",
    "tests/unit/inference/test_engines.py",
    "tests/unit/inference/test_quantised.py",
    "tests/unit/inference/test_any_network.py",
    "tests/unit/inference/test_tiled.py",
    "tests/integration/test_precision.py",
)
FLAGS = {"AVX512_CORE_VNNI": "avx512_vnni", "AVX512_CORE": "avx512bw", "AVX2": "avx2"}


@pytest.mark.slow
@pytest.mark.parametrize("instructions", [name for name in INSTRUCTION_SETS if name != ALL])
def test_numbers_hold_with_fewer_instructions(instructions: str) -> None:
    flags = Path("/proc/cpuinfo")
    if not flags.exists() or FLAGS[instructions] not in flags.read_text().split():
        pytest.skip(f"this CPU has no {instructions} that it could be limited to")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", *NUMERIC],
        env=os.environ | INSTRUCTION_SETS[instructions],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
