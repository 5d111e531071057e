"""Metrics need little memory beyond the pixels of the output."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import re
from pathlib import Path
import numpy as np
from sr_core.metrics.suite import measure

def resident_mib(field):
    status = Path("/proc/self/status").read_text()
    return int(re.search(field + r":\\s+(\\d+) kB", status)[1]) / 1024

def ramp(height, width):
    image = np.empty((height, width, 3), np.uint8)
    image[:] = (np.arange(width) % 251).astype(np.uint8)[:, None]
    return image

measure(ramp(64, 64), ramp(256, 256), upscale=None, scale=4, reference=None)
source, output = ramp(HEIGHT, 2158), ramp(4 * HEIGHT, 8632)
Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
before = resident_mib("VmRSS")
measure(source, output, upscale=None, scale=4, reference=REFERENCE)
print(resident_mib("VmHWM") - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak memory from /proc")
@pytest.mark.parametrize("reference", ["None", "output"])
@pytest.mark.parametrize(
    ("height", "limit_mib"), [(362, 96), pytest.param(1448, 256, marks=pytest.mark.slow)]
)
def test_an_output_8632_px_wide_takes_little_more_than_itself(
    height: int, limit_mib: int, reference: str
) -> None:
    """For 12.5 and 50 MP, one copy as floats would need 143 and 572 MiB."""
    program = PROGRAM.replace("HEIGHT", str(height)).replace("REFERENCE", reference)
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert 1 < float(done.stdout) < limit_mib, "MiB"
