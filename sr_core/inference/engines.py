"""Which engines there are, and which of them this machine can use."""

from __future__ import annotations

from importlib.util import find_spec

import torch

from sr_core.errors import ConfigurationError
from sr_core.inference.engine import Engine, make_engine
from sr_core.models.network import Network


def usable_engines(device: str) -> list[str]:
    """Return the engines that this machine has for a device, cpu or cuda; the preferred first."""
    if device != "cpu" or find_spec("openvino") is None:
        return ["torch"]
    from sr_core.inference.openvino_engine import has_native_bf16  # noqa: PLC0415 - optional

    return [*(["openvino-bf16"] if has_native_bf16() else []), "openvino", "torch"]


def candidate_engines(wanted: str, device: str) -> list[str]:
    """Return the engine that is wanted; of `auto` all that may do, the preferred first.

    Raises: ConfigurationError if this machine cannot use it, saying why.
    """
    usable = usable_engines(device)
    if wanted == "auto":
        return usable
    if wanted in usable:
        return [wanted]
    if device != "cpu":
        why = "OpenVINO computes on the CPU: add --device cpu"
    elif find_spec("openvino") is None:
        why = "OpenVINO is not installed: pip install 'srfleet[cpu]'"
    else:
        why = "this CPU has no bfloat16 of its own"
    raise ConfigurationError(f"--engine {wanted}: {why}, or take one of auto, {', '.join(usable)}")


def open_engine(network: Network, name: str, device: torch.device) -> Engine:
    """Return an engine of `usable_engines` for a network.

    torch computes in float32 on the CPU and in float16 on CUDA.
    """
    if name == "torch":
        dtype = torch.float16 if device.type == "cuda" else torch.float32
        return make_engine(network, device, dtype)
    from sr_core.inference.openvino_engine import OpenVINOEngine  # noqa: PLC0415 - optional

    return OpenVINOEngine(network, "bf16" if name == "openvino-bf16" else "f32")
