"""The torch device of a process that Ray does not manage."""

from __future__ import annotations

import torch

from sr_core.errors import ConfigurationError


def torch_device(wanted: str) -> str:
    """Resolve auto, cpu or cuda to cpu or cuda.

    Raises: ConfigurationError for another value, or if there is no such device.
    """
    if wanted not in ("auto", "cpu", "cuda"):
        raise ConfigurationError(f"--device must be auto, cpu or cuda, not {wanted!r}")
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ConfigurationError("--device cuda: torch finds no CUDA device; use cpu or auto")
    return ("cuda" if torch.cuda.is_available() else "cpu") if wanted == "auto" else wanted
