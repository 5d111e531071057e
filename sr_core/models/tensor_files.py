"""Tensor files: named tensors from safetensors or PyTorch, without running what they contain."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from sr_core.errors import ConfigurationError


def read_tensors(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Read a file of named tensors to the CPU, and the metadata of a safetensors header.

    A PyTorch file is read with weights_only, so it cannot run code; it may hold other values than
    tensors, or dictionaries of them.

    Raises: ConfigurationError if the file is missing, damaged or holds no named values.
    """
    try:
        if path.suffix == ".safetensors":
            return _read_safetensors(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:  # torch's own message is a page on how to run the code
        raise ConfigurationError(
            f"cannot read {path}: it is not a file of tensors, or also holds code"
        ) from error
    except Exception as error:
        raise ConfigurationError(f"cannot read {path}: {type(error).__name__}: {error}") from error
    if not isinstance(content, Mapping):
        raise ConfigurationError(f"{path} holds a {type(content).__name__}, no named tensors")
    return {str(name): value for name, value in content.items()}, {}


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    from safetensors import safe_open  # noqa: PLC0415 - training machines may lack it

    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
        return tensors, dict(file.metadata() or {})
