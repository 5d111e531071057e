"""A network run by OpenVINO on the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

from sr_core.inference.conversion import convert
from sr_core.inference.engine import make_engine
from sr_core.inference.quantised import QuantisedGenerator, Ranges
from sr_core.models.network import Network

if TYPE_CHECKING:
    from openvino import CompiledModel

Precision = Literal["f32", "bf16", "int8"]
_DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "int8": torch.int8}


class OpenVINOEngine:
    """Compute a network's two levels with OpenVINO, with as many threads as torch is given.

    In f32 it is as exact as torch. In bf16, which CPUs with AVX512_BF16 or AMX compute at several
    times the speed, factors have 8 bits of mantissa and sums are kept in float32: an error about
    50 dB below the signal. In int8 the network's 3x3 convolutions are of 8-bit integers, within
    ranges that were calibrated before, the rest is of bfloat16 where the CPU has it.
    """

    device = torch.device("cpu")

    def __init__(
        self, network: Network, precision: Precision = "f32", ranges: Ranges | None = None
    ) -> None:
        import openvino  # noqa: PLC0415 - an optional extra

        self.dtype = _DTYPES[precision]
        core = openvino.Core()
        options: dict[str, str | int | bool] = {
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,  # whoever runs several of these pins their processes
        }
        if precision != "int8":  # of the floats beside integers, the plugin's default is the best
            options["INFERENCE_PRECISION_HINT"] = precision
        module = make_engine(network) if ranges is None else QuantisedGenerator(network, ranges)
        trunk, tail = convert(module, network.cell_px, core)
        self._trunk = core.compile_model(trunk, "CPU", options)
        self._tail = core.compile_model(tail, "CPU", options)

    def trunk(self, lr: Tensor) -> Tensor:
        """Return features of an image; they are overwritten by the next call."""
        return _infer(self._trunk, lr)

    def tail(self, features: Tensor) -> Tensor:
        """Return the image of features; it is overwritten by the next call."""
        return _infer(self._tail, features)


def _infer(model: CompiledModel, values: Tensor) -> Tensor:
    array = np.ascontiguousarray(values.numpy())
    return torch.from_numpy(model(array, share_inputs=True, share_outputs=True)[0])


def has_native_bf16() -> bool:
    """Tell whether this CPU multiplies bfloat16 itself; emulated, it is slower than float32."""
    import openvino  # noqa: PLC0415

    # The plugin's own default: what it takes where nothing is asked for.
    return openvino.Core().get_property("CPU", "INFERENCE_PRECISION_HINT") == openvino.Type.bf16
