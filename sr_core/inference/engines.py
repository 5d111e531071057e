"""Which engines there are, and which of them this machine can use."""

from __future__ import annotations

from importlib.util import find_spec

import torch

from sr_core.errors import ConfigurationError
from sr_core.inference.engine import Engine, make_engine
from sr_core.inference.graphed import GraphedEngine
from sr_core.inference.quantised import Ranges
from sr_core.models.network import Network


def usable_engines(device: str) -> list[str]:
    """Return the engines that this machine has for a device, cpu or cuda; the preferred first."""
    if device != "cpu" or find_spec("openvino") is None:
        return ["torch"]
    from sr_core.inference.openvino_engine import has_native_bf16  # noqa: PLC0415 - optional

    return [*(["openvino-bf16"] if has_native_bf16() else []), "openvino", "torch"]


def candidate_engines(wanted: str, device: str) -> list[str]:
    """Return the engine that is wanted; of `auto` all that may do, the preferred first.

    openvino-int8 must be asked for, as it loses more than rounding.

    Raises: ConfigurationError if this machine cannot use it, saying why.
    """
    usable = usable_engines(device)
    if wanted == "auto":
        return usable
    if wanted in usable or (wanted == "openvino-int8" and "openvino" in usable):
        return [wanted]
    if device != "cpu":
        why = "OpenVINO computes on the CPU: add --device cpu"
    elif find_spec("openvino") is None:
        why = "OpenVINO is not installed: pip install 'srfleet[cpu]'"
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
