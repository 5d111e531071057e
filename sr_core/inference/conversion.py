"""Conversion of networks from torch to OpenVINO, cached so that it happens once."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from openvino import Core, Model

PARTS = ("trunk", "tail")
_FORM = 2
"""Version of the converted graphs. Raise it when the converted modules compute differently."""
_EXAMPLE_CELLS = 16
"""Side of the image that conversion traces with; sides stay free in the result."""
_ABANDONED_S = 24 * 3600
"""Age in seconds at which a temporary folder counts as abandoned."""


def convert(module: nn.Module, cell_px: int, core: Core) -> tuple[Model, Model]:
    """Return a network's trunk and tail as OpenVINO models, from the cache if possible.

    Conversion takes seconds, so it is kept in `cache_folder` under the hash of everything that
    affects it: the weights, the structure, the versions of OpenVINO and torch. A cached conversion
    that cannot be read is made again; a folder that cannot be written, or a full disk, costs only
    time. The models may map the files for as long as they live.

    Args:
        module: has `trunk` and `tail` as `Network` does; evaluated, without gradients.
        cell_px: LR pixels per cell of the network.
        core: OpenVINO's, which reads the files.
    """
    kept = cache_folder() / f"openvino-{_digest(module)}"
    unreadable = _inode(kept)
    with suppress(RuntimeError):  # OpenVINO's for files that are not there, or cut off
        trunk, tail = (core.read_model(kept / f"{part}.xml") for part in PARTS)
        return trunk, tail
    models = _converted(module, cell_px)
    _keep(models, kept, unreadable)
    return models


def cache_folder() -> Path:
    """Return the folder of conversions: srfleet in XDG_CACHE_HOME, which is ~/.cache if unset."""
    return Path(os.environ.get("XDG_CACHE_HOME") or _home() / ".cache") / "srfleet"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # no HOME, and a user whom the system does not know
        return Path("/")  # as in containers; it need not be writable


class _Part(nn.Module):
    """One level of a network, as a module of its own."""

    def __init__(self, network: nn.Module, part: str) -> None:
        super().__init__()
        self.network, self.part = network, part

    def forward(self, values: Tensor) -> Tensor:
        return getattr(self.network, self.part)(values)


def _converted(module: nn.Module, cell_px: int) -> tuple[Model, Model]:
    # Not openvino.convert_model, which does the same and sends telemetry.
    from openvino.frontend import FrontEndManager  # noqa: PLC0415 - an optional extra
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder  # noqa: PLC0415
    from openvino.passes import ConstantFolding, Manager  # noqa: PLC0415

    # Without it the plugin does not recognise integer convolutions and computes them in floats.
    folding = Manager()
    folding.register_pass(ConstantFolding())
    frontend = FrontEndManager().load_by_framework("pytorch")
    example = torch.full((1, 3, _EXAMPLE_CELLS * cell_px, _EXAMPLE_CELLS * cell_px), 0.5)
    models = []
    with warnings.catch_warnings():
        # It warns about Python values in the graph; the known answer of every start tests them.
        warnings.simplefilter("ignore")
        for part in PARTS:
            graph = TorchScriptPythonDecoder(
                _Part(module, part), example_input=example, shared_memory=False
            )
            model = frontend.convert(frontend.load(graph))
            model.reshape([1, example.shape[1], -1, -1])
            folding.run_passes(model)
            models.append(model)
            example = getattr(module, part)(example).contiguous()
    return models[0], models[1]


def _keep(models: tuple[Model, Model], folder: Path, unreadable: int | None) -> None:
    """Save a conversion in a folder that appears whole or not at all.

    Args:
        models: trunk and tail.
        folder: the new folder.
        unreadable: inode of an unreadable folder of that name; None if there is none.
    """
    import openvino  # noqa: PLC0415 - an optional extra

    with suppress(OSError, RuntimeError):  # OpenVINO's, for a disk that is full
        folder.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
        try:
            for part, model in zip(PARTS, models, strict=True):
                openvino.save_model(model, new / f"{part}.xml", compress_to_fp16=False)
            _put(new, folder, unreadable)
            _sweep(folder)
        finally:
            shutil.rmtree(new, ignore_errors=True)


def _put(new: Path, folder: Path, unreadable: int | None) -> None:
    """Rename a folder to its final name, unless another process was first: its files are as good.

    Nothing is removed: actors map the files, and on NFS they die by SIGBUS if those are removed. An
    unreadable folder, which may be so only for a moment, is moved aside for `_sweep`.

    Raises: OSError if another process was first, or nothing can be renamed.
    """
    try:
        new.rename(folder)
    except OSError:
        if unreadable is None or _inode(folder) != unreadable:
            raise
        aside = new.with_name(f"{new.name}.unreadable")
        folder.rename(aside)
        os.utime(aside)
        new.rename(folder)


def _sweep(folder: Path) -> None:
    """Remove temporary folders beside a new one whose processes must have been killed."""
    now = folder.stat().st_mtime  # by the clock of their file system
    for other in folder.parent.glob("openvino-*.*"):
        if now - other.stat().st_mtime > _ABANDONED_S:
            shutil.rmtree(other, ignore_errors=True)


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _digest(module: nn.Module) -> str:
    import openvino  # noqa: PLC0415 - an optional extra

    digest = hashlib.sha256()
    for fact in (_FORM, openvino.get_version(), torch.__version__, repr(module)):
        digest.update(f"{fact}\n".encode())
    # Not the state_dict, which leaves out buffers that do not persist.
    for name, value in (*module.named_parameters(), *module.named_buffers()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:32]
