"""The model of the CPU or GPU that computes."""

from __future__ import annotations

import platform
from pathlib import Path

import torch


def device_model(device: str) -> str:
    """Return the model name of a device of this machine.

    Args:
        device: cpu or cuda.
    """
    if device != "cpu":
        return torch.cuda.get_device_name()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())  # ARM names no model
