"""Checkpoints of generators: safetensors with their hyper-parameters and training record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sr_core.errors import ConfigurationError
from sr_core.models.generator import Generator

_FORMAT = "srfleet-generator-1"


@dataclass(frozen=True, slots=True)
class CheckpointInfo:
    """What a checkpoint says of itself. `training` is free-form: data, schedule, measurements."""

    scale: int
    channels: int
    blocks: int
    training: Mapping[str, Any]


def save_generator(
    path: Path, generator: Generator, training: Mapping[str, Any], dtype: torch.dtype
) -> None:
    """Write a generator as safetensors.

    Args:
        path: the new file, replaced if it exists.
        generator: its weights are stored as `dtype` (float32 or float16), contiguous.
        training: JSON values that go into the header and come back in `CheckpointInfo`.
        dtype: of the stored weights.
    """
    from safetensors.torch import save_file  # noqa: PLC0415 - training machines may lack it

    info = {
        "format": _FORMAT,
        "scale": generator.scale,
        "channels": generator.channels,
        "blocks": generator.blocks,
        "training": dict(training),
    }
    tensors = {
        name: (value.to(dtype) if value.is_floating_point() else value).contiguous()
        for name, value in generator.state_dict().items()
    }
    save_file(tensors, path, metadata={"srfleet": json.dumps(info)})


def load_generator(path: Path) -> tuple[Generator, CheckpointInfo]:
    """Read a generator, in evaluation mode, float32, on the CPU.

    A safetensors file written by `save_generator`, or a PyTorch file (read with weights_only) that
    holds such a generator's state_dict, from which the hyper-parameters are inferred.

    Raises: ConfigurationError if the file cannot be read or holds something else.
    """
    try:
        tensors, info = _read(path)
    except ConfigurationError:
        raise
    except Exception as error:
        raise ConfigurationError(
            f"cannot read the checkpoint {path}: {type(error).__name__}: {error}"
        ) from error
    generator = Generator(info.scale, info.channels, info.blocks)
    try:
        generator.load_state_dict({name: value.float() for name, value in tensors.items()})
    except RuntimeError as error:
        raise ConfigurationError(
            f"{path} holds no generator of {info.blocks} blocks and {info.channels} channels: "
            f"{' '.join(str(error).split())[:300]}"
        ) from error
    return generator.eval(), info


def _read(path: Path) -> tuple[dict[str, Tensor], CheckpointInfo]:
    if path.suffix != ".safetensors":
        tensors = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(tensors, dict):
            raise ConfigurationError(f"{path} holds a {type(tensors).__name__}, not a state_dict")
        return tensors, _infer(path, tensors)
    from safetensors import safe_open  # noqa: PLC0415 - training machines may lack it

    with safe_open(path, "pt") as file:
        header = json.loads((file.metadata() or {}).get("srfleet", "{}"))
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
    if not header:
        return tensors, _infer(path, tensors)
    if header.get("format") != _FORMAT:
        raise ConfigurationError(
            f"{path} has format {header.get('format')!r}; this version reads {_FORMAT!r}"
        )
    return tensors, CheckpointInfo(
        header["scale"], header["channels"], header["blocks"], header["training"]
    )


def _infer(path: Path, tensors: Mapping[str, Any]) -> CheckpointInfo:
    head = tensors.get("head.weight")
    if not isinstance(head, Tensor) or head.dim() != 4:
        found = ", ".join(list(map(str, tensors))[:4])
        raise ConfigurationError(f"{path} is no generator checkpoint: it starts with {found!r}")
    steps = sum(name.startswith("upsample.") and name.endswith("conv.weight") for name in tensors)
    blocks = sum(name.startswith("residual.") and name.endswith("conv1.weight") for name in tensors)
    return CheckpointInfo(2**steps, head.shape[0], blocks, {})
