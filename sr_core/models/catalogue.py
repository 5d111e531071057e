"""Which models there are, and the files of those that have weights. Needs no torch."""

from __future__ import annotations

import hashlib
from pathlib import Path

from sr_core.errors import ConfigurationError

WEIGHTS = Path(__file__).parent / "weights"
BASELINES = ("nearest", "bilinear", "bicubic")


def shipped_models() -> list[str]:
    """Return the names of the weights that come with the package, SRResNet before SRGAN."""
    names = (path.name.removesuffix("_x4.safetensors") for path in WEIGHTS.glob("*_x4.safetensors"))
    return sorted(names, reverse=True)


def find_checkpoint(model: str) -> Path:
    """Return the file of a shipped model's name, or the path itself.

    Raises: ConfigurationError if there is neither.
    """
    if model in shipped_models():
        return WEIGHTS / f"{model}_x4.safetensors"
    path = Path(model)
    if path.is_file():
        return path.absolute()
    known = ", ".join([*BASELINES, *shipped_models()])
    raise ConfigurationError(
        f"no model or checkpoint file {model!r}; known models: {known}, or give a path"
    )


def model_name(model: str) -> str:
    """Return what tables and run.json call a model: its name, or its file's name."""
    if model in BASELINES or model in shipped_models():
        return model
    return find_checkpoint(model).name


def checkpoint_sha256(model: str) -> str | None:
    """Return the hash of a model's file; None for the baselines, which have none."""
    if model in BASELINES:
        return None
    return hashlib.sha256(find_checkpoint(model).read_bytes()).hexdigest()
