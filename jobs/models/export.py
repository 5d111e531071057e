"""Export of a model as an ONNX file, checked against torch."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sr_core.archive.storage.local_files import create
from sr_core.errors import ConfigurationError
from sr_core.imaging.tensors import to_tensor
from sr_core.inference.border import BORDER_PX
from sr_core.inference.known_answer import known_tile
from sr_core.inference.portable import INPUT, OUTPUT, to_onnx
from sr_core.models.cards import find_card
from sr_core.models.catalogue import (
    AUTO,
    AUTO_MODELS,
    BASELINES,
    checkpoint_sha256,
    find_checkpoint,
    model_name,
    native_scales,
    shipped_models,
)
from sr_core.models.checkpoint import CheckpointInfo, load_network
from sr_core.models.network import Network

TOLERANCE = 1e-4
"""Largest difference from torch, of the range of an image, at which a file is written."""
_NOT_STATED = "not stated"
_SECOND_SIZE = (2, 3, 17, 13)
"""Batch, channels and cells of the second image that an export is checked with; odd on purpose."""


@dataclass(frozen=True, slots=True)
class Exported:
    """An ONNX file that was written."""

    path: Path
    model: str
    scale: int
    licence: str | None
    """None if neither a card nor the checkpoint states it."""
    checkpoint_sha256: str
    size_bytes: int
    largest_difference: float | None
    """From torch, for images in [0, 1]; None if onnxruntime is not installed."""


def export(model: str, file: Path, scale: int | None = None) -> Exported:
    """Write a model as an ONNX file that appears whole or not at all.

    Args:
        model: the name of shipped weights, or a checkpoint's path.
        file: the new file, in an existing folder.
        scale: scale of the network; None for the model's largest.

    Raises: ConfigurationError if the file exists, the model has no network or none of that scale, a
        package is missing, or onnxruntime computes something else than torch.
    """
    _check(model, file)
    scales = native_scales(model)
    network, info = load_network(find_checkpoint(model, scale if scale in scales else None))
    if scale not in (None, network.scale):
        has = " and ".join(map(str, scales if find_card(model) else [network.scale]))
        raise ConfigurationError(f"{model} has a network for scale {has}, not {scale}")
    metadata = describe(model, network, info)
    data = to_onnx(network, version("srfleet"), metadata).SerializeToString()
    difference = None
    if find_spec("onnxruntime") is not None:
        difference = largest_difference(data, network)
        if not difference <= TOLERANCE:
            raise ConfigurationError(
                f"onnxruntime differs from torch by {difference:.1e} on {model}, more than "
                f"{TOLERANCE:.0e}; nothing was written"
            )
    _write(file, data)
    return Exported(
        path=file,
        model=metadata["model"],
        scale=network.scale,
        licence=_licence(model, info),
        checkpoint_sha256=metadata["checkpoint_sha256"],
        size_bytes=len(data),
        largest_difference=difference,
    )


def describe(model: str, network: Network, info: CheckpointInfo) -> dict[str, str]:
    """Return the metadata of an exported model; docs/models.md lists it."""
    card = find_card(model, network.scale)
    described = {
        "model": card.name if card else info.name or model_name(model),
        "licence": _licence(model, info) or _NOT_STATED,
        "scale": str(network.scale),
        "source": f"{find_checkpoint(model, network.scale).name}, {info.layout}",
        "checkpoint_sha256": checkpoint_sha256(model, network.scale) or "",
        "srfleet_version": version("srfleet"),
        "input": f"{INPUT}: float32, NCHW, RGB in [0, 1]",
        "output": f"{OUTPUT}: float32, NCHW, RGB, to be clamped to [0, 1]",
        "multiple_px": str(network.cell_px),
        "border_px": str(BORDER_PX),
    }
    if card is not None:
        described["purpose"] = card.purpose
        described["generative"] = str(card.generative).lower()
        described["training_data"] = card.training_data
    return described


def _licence(model: str, info: CheckpointInfo) -> str | None:
    card = find_card(model, info.scale)
    return card.licence if card else info.licence


def largest_difference(data: bytes, network: Network) -> float:
    """Return the largest difference of an ONNX model from the plain network, for two images."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    differences = []
    for lr in _images(network.cell_px):
        (found,) = session.run([OUTPUT], {INPUT: lr.numpy()})
        with torch.inference_mode():
            expected = network(lr).numpy()
        # Infinity where either is not finite: NaN would compare as small.
        differences.append(np.nan_to_num(np.abs(found - expected).max(), nan=np.inf))
    return float(max(differences))


def _images(cell_px: int) -> tuple[Tensor, Tensor]:
    """Return a picture, and a batch of noise of an odd size."""
    batch, channels, rows, columns = _SECOND_SIZE
    noise = np.random.default_rng(0).random((batch, channels, rows * cell_px, columns * cell_px))
    return to_tensor(known_tile()).contiguous(), torch.from_numpy(noise.astype(np.float32))


def _check(model: str, file: Path) -> None:
    """Raise ConfigurationError for what can be refused before any work."""
    if model == AUTO:
        raise ConfigurationError(
            f"{AUTO} chooses a model for each image; export {' and '.join(AUTO_MODELS)} each"
        )
    if model in BASELINES:
        raise ConfigurationError(
            f"{model} is an interpolation and has no network to export; take one of "
            f"{', '.join(shipped_models())}, or the path of a checkpoint"
        )
    if file.suffix.lower() != ".onnx":
        raise ConfigurationError(f"{file}: the name of an ONNX file ends in .onnx")
    if not file.parent.is_dir():
        raise ConfigurationError(f"{file}: there is no folder {file.parent}")
    if file.exists():
        raise _exists(file)
    missing = [name for name in ("onnx", "onnxscript") if find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"{' and '.join(missing)} not installed; export needs the extra of that name: "
            "pip install '.[export]' in a clone of srfleet"
        )


def _write(file: Path, data: bytes) -> None:
    folder = str(file.parent.absolute())
    try:
        is_new = create(folder, str(file.absolute()), data)
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written: {error}") from error
    if not is_new:
        raise _exists(file)


def _exists(file: Path) -> ConfigurationError:
    return ConfigurationError(f"{file} exists and is not overwritten; give another name")
