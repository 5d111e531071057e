"""Upscalers: models and baselines behind one call."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, get_args

from sr_core.errors import ConfigurationError
from sr_core.imaging.pixels import Pixels
from sr_core.imaging.resample import Interpolation, resize_pixels
from sr_core.inference.conversion import cache_folder
from sr_core.inference.engines import candidate_engines, preferred_precision
from sr_core.inference.known_answer import TOLERATED_LEVELS, known_answer_error
from sr_core.inference.quantised import load_ranges
from sr_core.inference.several import AutoUpscaler, ModelUpscaler
from sr_core.inference.tiled import GeneratorUpscaler
from sr_core.inference.upscaled import MadeBy, Upscaled, Upscaler
from sr_core.models.catalogue import (
    ASSUMED_SCALE,
    AUTO,
    find_checkpoint,
    model_name,
    models_of,
    native_scales,
)
from sr_core.models.checkpoint import load_network
from sr_core.records import Precision


class Interpolator:
    """Upscale by nearest, bilinear or bicubic interpolation, the baselines."""

    def __init__(self, interpolation: Interpolation) -> None:
        self.name: Interpolation = interpolation
        self.engine = None
        self._made_by = MadeBy(None, None, interpolation)

    def network_scale(self, enlargement: float) -> int:  # noqa: ARG002 - it makes any size
        """Return the scale that stands for all."""
        return ASSUMED_SCALE

    def upscale(self, pixels: Pixels, height: int, width: int) -> Upscaled:
        """Interpolate straight to the wanted size."""
        return Upscaled(resize_pixels(pixels, height, width, self.name), self._made_by)


def open_upscaler(
    model: str,
    *,
    device: str = "cpu",
    precision: Precision | Literal["auto"] = "auto",
    engine: str = "auto",
    memory_budget_bytes: int = 1 << 30,
    scales: Mapping[str, Collection[int]] | None = None,
) -> Upscaler:
    """Return the upscaler of a model name or checkpoint path, ready on its device.

    Args:
        model: auto, nearest, bilinear, bicubic, the name of shipped weights, or a checkpoint's
            path. "auto" chooses shipped weights for each image.
        device: "cpu" or "cuda"; the baselines always run on the CPU.
        precision: the coarsest that is allowed, or "auto": `preferred_precision` of the device.
            int8 needs the checkpoint's calibration.
        engine: torch or openvino, or "auto": the first of `candidate_engines` that computes this
            network as exactly as its precision allows. The baselines have none.
        memory_budget_bytes: bound on what tiles may use on the device.
        scales: scales of the networks to load, by model; None for all that there are.

    Raises: ConfigurationError for an unknown model, an unreadable checkpoint, one that was never
        calibrated for int8, an engine that this machine cannot use, or a wrong known answer.
    """
    if model in get_args(Interpolation):
        return Interpolator(model)  # type: ignore[arg-type]
    wanted = scales or {each: native_scales(each) for each in models_of(model)}
    budget = memory_budget_bytes // sum(map(len, wanted.values()))
    opened = {
        each: _combined(
            each,
            [_open_network(each, scale, device, precision, engine, budget) for scale in native],
        )
        for each, native in wanted.items()
    }
    return AutoUpscaler(opened) if model == AUTO else opened[model]


def _combined(model: str, networks: Sequence[GeneratorUpscaler]) -> Upscaler:
    """Return the only network, or one upscaler of several."""
    if len(networks) == 1:
        return networks[0]
    return ModelUpscaler(model, {each.scale: each for each in networks})


def _open_network(
    model: str,
    scale: int,
    device: str,
    precision: Precision | Literal["auto"],
    engine: str,
    memory_budget_bytes: int,
) -> GeneratorUpscaler:
    """Load one network of a model; see `open_upscaler`."""
    checkpoint = find_checkpoint(model, scale)
    network, _ = load_network(checkpoint)
    if precision == "auto":
        precision = preferred_precision(device, engine)
    candidates = candidate_engines(precision, engine, device)
    ranges = load_ranges(checkpoint) if "openvino-int8" in candidates else None
    for candidate in candidates:
        upscaler = GeneratorUpscaler(
            network,
            model_name(model),
            device=device,
            engine=candidate,
            precision=precision,
            ranges=ranges if candidate == "openvino-int8" else None,
            memory_budget_bytes=memory_budget_bytes,
        )
        levels = known_answer_error(upscaler)
        if levels <= TOLERATED_LEVELS[upscaler.dtype]:
            return upscaler
    raise ConfigurationError(
        f"{model} is {levels:.0f} of 255 levels off on a known tile with engine {candidate} on "
        f"{device}; the device, its driver or a library is broken, or a conversion cached in "
        f"{cache_folder()}, which may be removed while nothing runs"
    )
