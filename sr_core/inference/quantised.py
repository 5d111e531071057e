"""The generator in 8-bit integers, and the calibration that it needs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sr_core.errors import ConfigurationError
from sr_core.inference.folded import FoldedGenerator
from sr_core.models.catalogue import checkpoint_sha256
from sr_core.models.generator import Generator
from sr_core.models.network import Network

MAX_LOSS_DB = 0.1
"""Largest mean loss of luma PSNR over photographs at which a checkpoint may be quantised, in dB."""
_FORMAT = "srfleet-int8-1"
_KEPT = "head"
"""Convolution that stays in floats, as the output layer does: both ends see the pixels."""
_WEIGHT_TOP = 127
_INPUT_TOP = 127
"""Top of the calibrated range, which takes the lower half of 8 bits. CPUs without VNNI add two
products of an input and a weight in 16 bits, with saturation: 2 x 127 x 127 fits, 2 x 255 x 127
does not. The upper half is for values beyond the range; clipping them cost one photograph in 34
more than 1 dB."""

Ranges = Mapping[str, tuple[float, float]]
"""Least and greatest input of each convolution, by the convolution's name."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """The ranges of a checkpoint, and the loss measured with them."""

    checkpoint_sha256: str
    ranges: Ranges
    calibrated_on: int
    """Number of photographs that the ranges were taken from."""
    validated_on: int
    psnr_y_loss_db: float
    """Mean over the validation photographs, against float32."""
    worst_psnr_y_loss_db: float

    def save(self, checkpoint: Path) -> Path:
        """Write it beside its checkpoint and return its path."""
        path = calibration_path(checkpoint)
        path.write_text(json.dumps({"format": _FORMAT, **asdict(self)}, indent=1) + "\n")
        return path


def calibration_path(checkpoint: Path) -> Path:
    """Return the path of a checkpoint's calibration, which is beside it."""
    return checkpoint.with_name(f"{checkpoint.stem}.int8.json")


def load_ranges(checkpoint: Path) -> Ranges:
    """Read the ranges of a checkpoint that passed the measurement in 8 bits.

    Raises: ConfigurationError if there are none, or they are not this checkpoint's.
    """
    path = calibration_path(checkpoint)
    remedy = f"srfleet quantize PHOTOGRAPHS --model {checkpoint} measures whether it may"
    try:
        record = json.loads(path.read_bytes())
        ranges = {name: (float(low), float(high)) for name, (low, high) in record["ranges"].items()}
        if not all(-math.inf < low <= 0 <= high < math.inf for low, high in ranges.values()):
            raise ValueError("a range is not finite, or without zero")
        loss, owner, layout = (
            float(record["psnr_y_loss_db"]),
            record["checkpoint_sha256"],
            record["format"],
        )
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"{checkpoint.name} was never calibrated for 8 bits (no {path}); {remedy}"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"{path} is no calibration: {error!r}; {remedy}") from error
    if layout != _FORMAT or owner != checkpoint_sha256(str(checkpoint)):
        raise ConfigurationError(f"{path} is the calibration of another checkpoint; {remedy}")
    if not loss < MAX_LOSS_DB:
        raise ConfigurationError(f"{path}: 8 bits lose {loss} dB, more than {MAX_LOSS_DB} dB")
    return ranges


def calibrate(network: Network, images: Iterable[Tensor]) -> Ranges:
    """Return the range of each convolution's input when a generator upscales images.

    Args:
        network: the paper's generator.
        images: each (1, 3, H, W) float in [0, 1], typical of those that will be upscaled.

    Raises: ConfigurationError for another network, or if there is no image.
    """
    folded = FoldedGenerator(_checked(network))
    ranges: dict[str, tuple[float, float]] = {}

    def watch(name: str, values: Tensor) -> None:
        # Each range includes zero, which pads borders and must be exact.
        low, high = ranges.get(name, (0.0, 0.0))
        ranges[name] = (min(low, float(values.min())), max(high, float(values.max())))

    for name, conv in _convolutions(folded).items():
        conv.register_forward_pre_hook(lambda _, inputs, name=name: watch(name, inputs[0]))
    for image in images:
        folded(image)
    if not ranges:
        raise ConfigurationError("there is no photograph to calibrate with")
    return ranges


def feature_range(ranges: Ranges) -> tuple[float, float]:
    """Return the range of the trunk's features, which go into the first convolution after it."""
    return ranges["sub_pixel.0"]


class QuantisedGenerator(FoldedGenerator):
    """Compute as a generator does, with 3x3 convolutions in 8-bit integers.

    Weights have a scale for each output channel, symmetric about zero; inputs one scale and zero
    point for each convolution, their calibrated range in 7 of the bits (`_INPUT_TOP`). torch only
    rounds floats to the values of the integers; OpenVINO multiplies integers.

    Source: B. Jacob et al., arXiv 1712.05877, section 2; R. Krishnamoorthi, arXiv 1806.08342.
    """

    def __init__(self, network: Network, ranges: Ranges) -> None:
        super().__init__(_checked(network))
        for name, conv in _convolutions(self).items():
            if name not in ranges:
                raise ConfigurationError(f"the calibration has no range for {name}")
            self.set_submodule(name, _QuantisedConv(conv, *ranges[name]))


class _QuantisedConv(nn.Module):
    def __init__(self, conv: nn.Conv2d, low: float, high: float) -> None:
        super().__init__()
        self.conv = conv
        self.scale = max(high - low, 1e-6) / _INPUT_TOP
        self.zero_point = round(-low / self.scale)
        self.weight_scales: Tensor
        self.weight_zeros: Tensor
        scales = conv.weight.abs().amax(dim=(1, 2, 3)).clamp(min=1e-8) / _WEIGHT_TOP
        conv.weight.data = scales.view(-1, 1, 1, 1) * round_kernels(
            conv.weight / scales.view(-1, 1, 1, 1)
        )
        self.register_buffer("weight_scales", scales)
        self.register_buffer("weight_zeros", torch.zeros(len(scales), dtype=torch.int32))

    def forward(self, values: Tensor) -> Tensor:
        values = torch.fake_quantize_per_tensor_affine(values, self.scale, self.zero_point, 0, 255)
        weight = torch.fake_quantize_per_channel_affine(
            self.conv.weight, self.weight_scales, self.weight_zeros, 0, -_WEIGHT_TOP, _WEIGHT_TOP
        )
        return F.conv2d(values, weight, self.conv.bias, padding=self.conv.padding)

    def extra_repr(self) -> str:
        """Return the constants that are not parameters, for the hash of a conversion."""
        return f"scale={self.scale!r}, zero_point={self.zero_point}"


def round_kernels(weight: Tensor) -> Tensor:
    """Round weights to integers so that each kernel's sum changes by no more than a half.

    In a smooth area a kernel multiplies one value by its sum, so errors of the sum show first: with
    plain rounding a night sky loses two dB. The weights of a kernel that are nearest to their other
    neighbour are rounded to that one instead.

    Shapes: (out, in, kh, kw) in units of the integers -> the same, in [-127, 127].
    """
    rounded = weight.round()
    error = (weight - rounded).flatten(2)
    missing = error.sum(2, keepdim=True).round()
    rank = (error * missing.sign()).argsort(dim=2, descending=True).argsort(dim=2)
    steps = missing.sign() * (rank < missing.abs())
    return (rounded + steps.view_as(rounded)).clamp(-_WEIGHT_TOP, _WEIGHT_TOP)


def _convolutions(folded: FoldedGenerator) -> dict[str, nn.Conv2d]:
    return {
        name: module
        for name, module in folded.named_modules()
        if isinstance(module, nn.Conv2d) and name != _KEPT
    }


def _checked(network: Network) -> Generator:
    if not isinstance(network, Generator):
        raise ConfigurationError(
            f"8 bits are for the paper's generator only, not for {type(network).__name__}; take "
            "another --precision"
        )
    return network
