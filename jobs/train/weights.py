"""Weights too large to come with the package: where they are looked for, and what goes without."""

from __future__ import annotations

import os
from pathlib import Path

from rich.console import Console

from sr_core.metrics.lpips import LPIPS, load_lpips

_LPIPS = "lpips_alex_v0.1.safetensors"
_VGG = "vgg19_imagenet_features_fp16.safetensors"


def open_lpips(file: Path | None, console: Console) -> LPIPS | None:
    """Read LPIPS from a file; None: from where it is expected, or not at all, which is told.

    Raises: ConfigurationError if the file that was given is not there or holds something else.
    """
    if file is not None:
        return load_lpips(file)
    expected = _shared(_LPIPS)
    if expected.is_file():
        return load_lpips(expected)
    console.print(
        f"LPIPS is not measured: no weights at {expected}; --lpips PATH says where they are, "
        "docs/evaluation.md how to make the file",
        style="yellow",
        markup=False,
    )
    return None


def find_vgg(file: Path | None) -> Path | None:
    """Return the file of VGG19's weights that was given, or the expected one if it is there."""
    if file is None and _shared(_VGG).is_file():
        return _shared(_VGG)
    return file


def _shared(name: str) -> Path:
    return Path(os.environ.get("SRFLEET_SHARED") or "../shared") / "weights" / name
