"""Checkpoints: our own, which are safetensors with their training record, and other people's."""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sr_core.errors import ConfigurationError
from sr_core.models.foreign import find_weights, load_foreign
from sr_core.models.generator import Generator
from sr_core.models.network import Network
from sr_core.models.tensor_files import read_tensors

OWN_LAYOUT = "srfleet's own"
_FORMAT = "srfleet-generator-1"


@dataclass(frozen=True, slots=True)
class CheckpointInfo:
    """Description that a checkpoint carries. `training` is free-form: data, schedule, scores."""

    scale: int
    channels: int
    blocks: int
    training: Mapping[str, Any]
    layout: str = OWN_LAYOUT
    """Layout of the weights in the file; docs/models.md lists them."""
    name: str | None = None
    """Name of the model; None if the file does not state it."""
    licence: str | None = None
    """Licence of the weights as an SPDX identifier; None if the file does not state it."""


def save_generator(
    path: Path,
    generator: Generator,
    training: Mapping[str, Any],
    dtype: torch.dtype,
    *,
    name: str | None = None,
    licence: str | None = None,
) -> None:
    """Write a generator as safetensors.

    Args:
        path: the new file, replaced if it exists.
        generator: its weights are stored as `dtype` (float32 or float16), contiguous.
        training: JSON values that go into the header and come back in `CheckpointInfo`.
        dtype: of the stored weights.
        name: name of the model, for the header.
        licence: SPDX identifier of the weights' licence, for the header.
    """
    from safetensors.torch import save_file  # noqa: PLC0415 - training machines may lack it

    info = {
        "format": _FORMAT,
        "name": name,
        "licence": licence,
        "scale": generator.scale,
        "channels": generator.channels,
        "blocks": generator.blocks,
        "training": dict(training),
    }
    tensors = {
        name: (value.to(dtype) if value.is_floating_point() else value).contiguous()
        for name, value in generator.state_dict().items()
    }
    # One key only: safetensors writes several in random order, and bytes decide the file's hash.
    save_file(tensors, path, metadata={"srfleet": json.dumps(info)})


def load_generator(path: Path) -> tuple[Generator, CheckpointInfo]:
    """Read a generator of the paper's, in evaluation mode, float32, on the CPU.

    A file written by `save_generator`, or a PyTorch file of such a generator's state_dict, from
    which the hyper-parameters are inferred. Training starts from these.

    Raises: ConfigurationError if the file cannot be read or holds something else.
    """
    network, info = load_network(path)
    if info.layout != OWN_LAYOUT or not isinstance(network, Generator):
        raise ConfigurationError(
            f"{path} holds {info.layout}, which upscales but cannot be trained further here; start "
            "from a checkpoint that srfleet has written"
        )
    return network, info


def load_network(path: Path) -> tuple[Network, CheckpointInfo]:
    """Read any network that upscales, in evaluation mode, float32, on the CPU.

    The same files as `load_generator`, and other people's weights in the layouts of docs/models.md.

    Raises: ConfigurationError if the file cannot be read, or its layout is unknown.
    """
    content, header = _read(path)
    tensors = find_weights(content, path)
    record = json.loads(header.get("srfleet", "{}"))
    if not record and not _is_own(tensors):
        network, layout = load_foreign(tensors, path)
        info = CheckpointInfo(network.scale, network.channels, network.blocks, {}, layout)
        return network, _as_stated(info, header)
    info = _described(path, record) if record else _inferred(tensors)
    generator = Generator(info.scale, info.channels, info.blocks)
    try:
        generator.load_state_dict({name: value.float() for name, value in tensors.items()})
    except RuntimeError as error:
        raise ConfigurationError(
            f"{path} holds no generator of {info.blocks} blocks and {info.channels} channels: "
            f"{' '.join(str(error).split())[:300]}"
        ) from error
    return generator.eval(), _as_stated(info, record or header)


def _as_stated(info: CheckpointInfo, stated: Mapping[str, Any]) -> CheckpointInfo:
    """Add the name and the licence that a header states, under our keys or other programs'."""
    name = stated.get("name") or stated.get("modelspec.title")
    licence = stated.get("licence") or stated.get("license") or stated.get("modelspec.license")
    return replace(info, name=name, licence=licence)


def _read(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    try:
        return read_tensors(path)
    except ConfigurationError as error:
        blocked = re.search(r"GLOBAL ([\w.]+)", str(error.__cause__))
        if not isinstance(error.__cause__, pickle.UnpicklingError) or blocked is None:
            raise
        raise ConfigurationError(
            f"{path} holds a pickled {blocked[1]}, not weights alone; opening it would run its "
            "code. Open it with the program that wrote it and save the weights: "
            "torch.save(model.state_dict(), 'weights.pth')"
        ) from error


def _described(path: Path, record: Mapping[str, Any]) -> CheckpointInfo:
    if record.get("format") != _FORMAT:
        raise ConfigurationError(
            f"{path} has format {record.get('format')!r}; this version reads {_FORMAT!r}"
        )
    return CheckpointInfo(record["scale"], record["channels"], record["blocks"], record["training"])


def _is_own(tensors: Mapping[str, Tensor]) -> bool:
    return "head.weight" in tensors and "residual.0.bn1.weight" in tensors


def _inferred(tensors: Mapping[str, Tensor]) -> CheckpointInfo:
    steps = sum(name.startswith("upsample.") and name.endswith("conv.weight") for name in tensors)
    blocks = sum(name.startswith("residual.") and name.endswith("conv1.weight") for name in tensors)
    return CheckpointInfo(2**steps, tensors["head.weight"].shape[0], blocks, {})
