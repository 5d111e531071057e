"""A network run by OpenVINO on the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

from sr_core.inference.conversion import convert
from sr_core.inference.engine import UnfitError, make_engine
from sr_core.inference.quantised import QuantisedGenerator, Ranges, feature_range
from sr_core.models.network import Network

if TYPE_CHECKING:
    from openvino import InferRequest

Precision = Literal["f32", "bf16", "int8"]
_SLACK = 0.25
"""How far outside their calibrated range features may lie, in widths of the range. Those of 46
photographs lay up to 0.04 outside, of noise 0.18, of dithered images 0.4 to 0.6."""
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

        if (precision == "int8") != (ranges is not None):
            raise ValueError("ranges are of int8, and int8 needs them")
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
        self._trunk, self._tail = (
            core.compile_model(part, "CPU", options).create_infer_request()
            for part in (trunk, tail)
        )
        self._features = None if ranges is None else feature_range(ranges)

    def trunk(self, lr: Tensor) -> Tensor:
        """Return features of an image; they are overwritten by the next call.

        Raises: UnfitError in int8, for an image whose features lie far outside the calibrated
            range, as those of dithered scans do: of the same image, integers in the layers before
            will have been cut off, and what was made of it has holes.
        """
        features = _infer(self._trunk, lr)
        if self._features is not None:
            low, high = self._features
            slack = (high - low) * _SLACK
            least, most = (float(bound) for bound in features.aminmax())
            if least < low - slack or most > high + slack:
                raise UnfitError(
                    f"features of {least:.2f} to {most:.2f}, not {low:.2f} to {high:.2f}"
                )
        return features

    def tail(self, features: Tensor) -> Tensor:
        """Return the image of features; it is overwritten by the next call."""
        return _infer(self._tail, features)


def _infer(request: InferRequest, values: Tensor) -> Tensor:
    array = np.ascontiguousarray(values.numpy())
    # Not the synchronous call: where memory runs out, it returns what the last call has made.
    request.start_async(array, share_inputs=True)
    request.wait()
    return torch.from_numpy(request.get_output_tensor(0).data)


def has_native_bf16() -> bool:
    """Tell whether this CPU multiplies bfloat16 itself; emulated, it is slower than float32."""
    import openvino  # noqa: PLC0415

    # The plugin's own default: what it takes where nothing is asked for.
    return openvino.Core().get_property("CPU", "INFERENCE_PRECISION_HINT") == openvino.Type.bf16
