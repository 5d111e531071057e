"""Weights too large for the package: VGG19 and LPIPS."""

from __future__ import annotations

import os
from pathlib import Path

from jobs.terminal import Terminal
from sr_core.metrics.lpips import LPIPS, load_lpips

_LPIPS = "lpips_alex_v0.1.safetensors"
_VGG = "vgg19_imagenet_features_fp16.safetensors"


def open_lpips(file: Path | None, terminal: Terminal) -> LPIPS | None:
    """Load LPIPS from a file; None loads it from its default place, or warns and returns None.

    Raises: ConfigurationError if the given file is missing or holds something else.
    """
    if (found := find_lpips(file)) is not None:
        return load_lpips(found)
    terminal.say(
        f"LPIPS is not measured: no weights at {_shared(_LPIPS)}; --lpips PATH gives their place, "
        "docs/evaluation.md explains how to make the file",
        style="yellow",
    )
    return None


def find_lpips(file: Path | None) -> Path | None:
    """Return the given file of LPIPS's weights, or the default one if it exists."""
    if file is None and _shared(_LPIPS).is_file():
        return _shared(_LPIPS)
    return file


def find_vgg(file: Path | None) -> Path | None:
    """Return the given file of VGG19's weights, or the default one if it exists."""
    if file is None and _shared(_VGG).is_file():
        return _shared(_VGG)
    return file


def _shared(name: str) -> Path:
    return Path(os.environ.get("SRFLEET_SHARED") or "../shared") / "weights" / name
