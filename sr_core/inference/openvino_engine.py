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

Form = Literal["f32", "bf16", "int8"]
_SLACK = 0.25
"""Distance that features may lie outside their calibrated range, in widths of the range. Those of
46 photographs lay up to 0.04 outside, of noise 0.18, of dithered images 0.4 to 0.6."""
_DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "int8": torch.int8}


class OpenVINOEngine:
    """Compute a network's two levels with OpenVINO, with as many threads as torch is given.

    f32 is as exact as torch. bf16, for CPUs with AVX512_BF16 or AMX, multiplies factors of 8 bits
    of mantissa and adds up in float32: an error about 50 dB below the signal. int8 computes the
    3x3 convolutions in 8-bit integers, within ranges that were calibrated before.
    """

    device = torch.device("cpu")

    def __init__(
        self,
        network: Network,
        form: Form = "f32",
        ranges: Ranges | None = None,
        *,
        floats: Literal["f32", "bf16"] | None = None,
    ) -> None:
        """Convert and compile a network.

        Args:
            network: stays as it is.
            form: what the convolutions multiply.
            ranges: calibration of the checkpoint, for int8 and for nothing else.
            floats: what int8 computes its first and last layers and its sums in; None for
                bfloat16 if the CPU has it, which is a fifth faster and adds a quarter to the error.

        Raises: ValueError if ranges are missing, or not of this form.
        """
        import openvino  # noqa: PLC0415 - an optional extra

        if (form == "int8") != (ranges is not None):
            raise ValueError("int8 needs ranges, and other forms take none")
        self.dtype = _DTYPES[form]
        core = openvino.Core()
        options: dict[str, str | int | bool] = {
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,  # whoever runs several of these pins their processes
        }
        hint = floats if form == "int8" else form
        if hint is not None:
            options["INFERENCE_PRECISION_HINT"] = hint
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
            range, as those of dithered scans do: integers of the layers before have saturated,
            and the output would have holes.
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
    # Not the synchronous call: if memory runs out, that returns the result of the call before.
    request.start_async(array, share_inputs=True)
    request.wait()
    return torch.from_numpy(request.get_output_tensor(0).data)


def has_native_bf16() -> bool:
    """Return whether this CPU multiplies bfloat16 itself; emulated, it is slower than float32."""
    import openvino  # noqa: PLC0415

    # The plugin's own default, which it takes without a hint.
    return openvino.Core().get_property("CPU", "INFERENCE_PRECISION_HINT") == openvino.Type.bf16
