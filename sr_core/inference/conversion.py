"""From torch to OpenVINO's own files, kept so that the next start need not convert again."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from openvino import Core, Model

PARTS = ("trunk", "tail")
_FORM = 2
"""Of the converted graphs. Raise it when the modules that are converted compute differently."""
_EXAMPLE_CELLS = 16
"""Side of the image that conversion traces with; sides stay free in the result."""


def convert(module: nn.Module, cell_px: int, core: Core) -> tuple[Model, Model]:
    """Return a network's trunk and tail as OpenVINO has them, from the kept conversion if possible.

    Conversion takes seconds, so it is kept in `cache_folder` under the hash of everything that
    decides it: the weights, the structure, the versions of OpenVINO and torch. A kept conversion
    that cannot be read is made again; a folder that cannot be written costs only time.

    Args:
        module: has `trunk` and `tail` as `Network` does; evaluated, without gradients.
        cell_px: LR pixels per cell of the network.
        core: OpenVINO's, which reads the files.
    """
    kept = cache_folder() / f"openvino-{_digest(module)}"
    with suppress(RuntimeError):  # OpenVINO's for files that are not there, or cut off
        trunk, tail = (core.read_model(kept / f"{part}.xml") for part in PARTS)
        return trunk, tail
    models = _converted(module, cell_px)
    _keep(models, kept)
    return models


def cache_folder() -> Path:
    """Return where conversions are kept: srfleet in XDG_CACHE_HOME, which is ~/.cache if unset."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "srfleet"


class _Part(nn.Module):
    """One level of a network, as a module of its own."""

    def __init__(self, network: nn.Module, part: str) -> None:
        super().__init__()
        self.network, self.part = network, part

    def forward(self, values: Tensor) -> Tensor:
        return getattr(self.network, self.part)(values)


def _converted(module: nn.Module, cell_px: int) -> tuple[Model, Model]:
    # Not openvino.convert_model, which does the same and reports it to its makers over the network.
    from openvino.frontend import FrontEndManager  # noqa: PLC0415 - an optional extra
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder  # noqa: PLC0415
    from openvino.passes import ConstantFolding, Manager  # noqa: PLC0415

    # Without it the plugin does not see what integers a convolution may take, and takes floats.
    folding = Manager()
    folding.register_pass(ConstantFolding())
    frontend = FrontEndManager().load_by_framework("pytorch")
    example = torch.full((1, 3, _EXAMPLE_CELLS * cell_px, _EXAMPLE_CELLS * cell_px), 0.5)
    models = []
    with warnings.catch_warnings():
        # It warns of Python values in the graph; the known answer of every start is the test.
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


def _keep(models: tuple[Model, Model], folder: Path) -> None:
    import openvino  # noqa: PLC0415 - an optional extra

    with suppress(OSError), _new_folder(folder) as new:
        for part, model in zip(PARTS, models, strict=True):
            openvino.save_model(model, new / f"{part}.xml", compress_to_fp16=False)


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """Fill a folder that appears whole or not at all, in place of one that could not be read."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        yield new
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)  # fails where another process was first, whose files are as good
    finally:
        shutil.rmtree(new, ignore_errors=True)


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
