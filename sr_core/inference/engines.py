"""The engines, and those that this machine can use."""

from __future__ import annotations

import logging
from functools import cache
from importlib.util import find_spec

import torch

from sr_core.errors import ConfigurationError
from sr_core.inference.engine import Engine, make_engine
from sr_core.inference.graphed import GraphedEngine
from sr_core.inference.quantised import Ranges
from sr_core.models.network import Network
from sr_core.records import Precision

ENGINES = ("torch", "openvino", "openvino-bf16", "openvino-int8")
"""Names of all engines: a library, and its precision if that is not float32 on CPUs."""
LIBRARIES = ("torch", "openvino")
"""Libraries that compute networks."""

_log = logging.getLogger(__name__)


def preferred_precision(device: str, library: str = "auto") -> Precision:
    """Return the precision that "auto" means on a device here: half if the hardware has it.

    int8 is never preferred: it loses more, and not every checkpoint may be computed in it.

    Args:
        device: cpu or cuda.
        library: as in `candidate_engines`.
    """
    if device != "cpu":
        return "half"
    if library == "torch":
        return "float32"
    return "half" if "openvino-bf16" in usable_engines(device) else "float32"


def usable_engines(device: str) -> list[str]:
    """Return the engines that compute any network on a device here, the fastest first.

    openvino-int8 is never among them, as it needs a checkpoint's calibration. An OpenVINO that is
    installed but does not load counts as absent; a warning says why.

    Args:
        device: cpu or cuda.
    """
    usable, trouble = _found(device)
    if trouble is not None:
        _warn(f"{trouble}; torch computes instead")
    return usable


def candidate_engines(precision: Precision, library: str, device: str) -> list[str]:
    """Return the engines that compute no coarser than a precision on a device here.

    The first is the best: of the wanted precision if the hardware has it, else of a finer one.
    Finer ones follow, for a network that the first computes wrongly.

    Args:
        precision: the coarsest that is allowed.
        library: torch, openvino, or auto for whichever is faster.
        device: cpu or cuda.

    Raises: ConfigurationError if there is no such library, or this machine cannot use it.
    """
    if library not in ("auto", *LIBRARIES):
        raise ConfigurationError(
            f"--engine {library}: unknown engine; take one of auto, {', '.join(LIBRARIES)}"
        )
    if library == "torch":  # works whatever state OpenVINO is in
        return ["torch"]
    if library == "openvino":
        _check_openvino(device)
    usable = usable_engines(device)
    if precision == "float32":
        usable = [name for name in usable if name != "openvino-bf16"]
    elif precision == "int8" and "openvino" in usable:
        usable = ["openvino-int8", *usable]
    elif precision == "int8":
        _warn("8-bit integers need OpenVINO on a CPU; a finer precision is computed instead")
    return [name for name in usable if library == "auto" or name != "torch"]


def open_engine(
    network: Network,
    name: str,
    device: torch.device,
    ranges: Ranges | None = None,
    precision: Precision = "half",
) -> Engine:
    """Return an engine for a network.

    Args:
        network: stays as it is.
        name: one of `ENGINES`.
        device: CUDA for torch only, which records graphs there.
        ranges: calibration of the checkpoint, for openvino-int8.
        precision: for torch on CUDA, float32 or else float16; names of other engines say theirs.
    """
    if name == "torch":
        if device.type == "cuda":
            dtype = torch.float32 if precision == "float32" else torch.float16
            return GraphedEngine(make_engine(network, device, dtype))
        return make_engine(network, device)
    from sr_core.inference.openvino_engine import OpenVINOEngine  # noqa: PLC0415 - optional

    if name == "openvino-int8":
        return OpenVINOEngine(network, "int8", ranges)
    return OpenVINOEngine(network, "bf16" if name == "openvino-bf16" else "f32")


def _check_openvino(device: str) -> None:
    """Raise ConfigurationError if OpenVINO cannot be used on a device here."""
    usable, trouble = _found(device)
    if "openvino" in usable:
        return
    if device != "cpu":
        why = "OpenVINO computes on the CPU: add --device cpu"
    elif trouble is not None:
        why = f"{trouble}: pip install --force-reinstall openvino"
    else:
        why = "OpenVINO is not installed: pip install openvino"
    raise ConfigurationError(f"--engine openvino: {why}, or take one of auto, torch")


def _found(device: str) -> tuple[list[str], str | None]:
    """Return the usable engines, and the error of an OpenVINO that is installed but broken."""
    if device != "cpu" or find_spec("openvino") is None:
        return ["torch"], None
    from sr_core.inference.openvino_engine import has_native_bf16  # noqa: PLC0415 - optional

    try:
        native = has_native_bf16()
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        # A library or plugin that is missing or of another version; of the last kind, a folder
        # that an uninstallation left.
        reason = " ".join(str(error).split()) or type(error).__name__
        return ["torch"], f"OpenVINO is installed but does not load ({reason})"
    return [*(["openvino-bf16"] if native else []), "openvino", "torch"], None


@cache
def _warn(message: str) -> None:
    """Log a warning once, however many networks are opened."""
    _log.warning(message)
