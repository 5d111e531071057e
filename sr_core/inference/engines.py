"""Which engines there are, and which of them this machine can use."""

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

ENGINES = ("torch", "openvino", "openvino-bf16", "openvino-int8")
"""The names of all."""

_log = logging.getLogger(__name__)


def usable_engines(device: str) -> list[str]:
    """Return the engines that compute any network on a device here; the preferred first.

    openvino-int8 is never among them: it takes a checkpoint's calibration, and must be asked for.
    An OpenVINO that is installed but does not load counts as absent; a warning says why.

    Args:
        device: cpu or cuda.
    """
    usable, trouble = _found(device)
    if trouble is not None:
        _warn(trouble)
    return usable


def candidate_engines(wanted: str, device: str) -> list[str]:
    """Return the engine that is wanted; of `auto` all that may do, the preferred first.

    openvino-int8 must be asked for, as it loses more than rounding.

    Raises: ConfigurationError if there is no such engine, or this machine cannot use it, saying
        why.
    """
    if wanted == "auto":
        return usable_engines(device)
    if wanted not in ENGINES:
        raise ConfigurationError(
            f"--engine {wanted}: unknown engine; take one of auto, {', '.join(ENGINES)}"
        )
    if wanted == "torch":  # whatever state OpenVINO is in
        return [wanted]
    usable, trouble = _found(device)
    if wanted in usable or (wanted == "openvino-int8" and "openvino" in usable):
        return [wanted]
    if device != "cpu":
        why = "OpenVINO computes on the CPU: add --device cpu"
    elif trouble is not None:
        why = f"{trouble}: pip install --force-reinstall openvino"
    elif find_spec("openvino") is None:
        why = "OpenVINO is not installed: pip install openvino"
    else:
        why = "this CPU has no bfloat16 of its own"
    raise ConfigurationError(f"--engine {wanted}: {why}, or take one of auto, {', '.join(usable)}")


def open_engine(
    network: Network, name: str, device: torch.device, ranges: Ranges | None = None
) -> Engine:
    """Return an engine for a network.

    torch computes in float32 on the CPU, in float16 and by recorded graphs on CUDA. `ranges` are
    what openvino-int8 was calibrated with.
    """
    if name == "torch":
        if device.type == "cuda":
            return GraphedEngine(make_engine(network, device, torch.float16))
        return make_engine(network, device)
    from sr_core.inference.openvino_engine import OpenVINOEngine  # noqa: PLC0415 - optional

    if name == "openvino-int8":
        return OpenVINOEngine(network, "int8", ranges)
    return OpenVINOEngine(network, "bf16" if name == "openvino-bf16" else "f32")


def _found(device: str) -> tuple[list[str], str | None]:
    """Return the usable engines, and what is wrong with an OpenVINO that is there but broken."""
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
def _warn(trouble: str) -> None:
    """Tell once of each trouble, however many networks are opened."""
    _log.warning("%s; torch computes instead", trouble)
