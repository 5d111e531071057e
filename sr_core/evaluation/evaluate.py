"""Evaluation of one image: every model's output with its scores, judges and time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sr_core.evaluation.benchmark import Pair
from sr_core.evaluation.judges import Judges, judge
from sr_core.evaluation.scores import Scores, score
from sr_core.imaging.pixels import Pixels
from sr_core.inference.upscaled import Upscaler
from sr_core.metrics.lpips import LPIPS


@dataclass(frozen=True, slots=True)
class Output:
    """The output of one model for an image, with its scores, judges and time."""

    model: str
    sr: Pixels
    scores: Scores
    judges: Judges
    made_by: str
    """The model itself, or the one that auto chose for this image."""
    upscale_ms: float


def evaluate(
    pair: Pair, upscalers: Mapping[str, Upscaler], scale: int, lpips: LPIPS | None
) -> list[Output]:
    """Upscale an image with every model, in order; score and judge the outputs.

    Raises: ImageError as the upscalers do.
    """
    return [_output(pair, name, upscaler, scale, lpips) for name, upscaler in upscalers.items()]


def enlarge(upscaler: Upscaler, scale: int) -> Callable[[Pixels], Pixels]:
    """Return a function that upscales (h, w, C) to (scale * h, scale * w, C)."""

    def enlarged(pixels: Pixels) -> Pixels:
        height, width = (scale * side for side in pixels.shape[:2])
        return upscaler.upscale(pixels, height, width).pixels

    return enlarged


def _output(pair: Pair, name: str, upscaler: Upscaler, scale: int, lpips: LPIPS | None) -> Output:
    started = time.perf_counter()
    upscaled = upscaler.upscale(pair.lr, *pair.hr.shape[:2])
    upscale_ms = (time.perf_counter() - started) * 1e3
    sr = upscaled.pixels
    return Output(
        model=name,
        sr=sr,
        scores=score(sr, pair.hr, scale, lpips),
        judges=judge(sr, pair.lr, pair.hr, scale, enlarge(upscaler, scale)),
        made_by=upscaled.made_by.model,
        upscale_ms=upscale_ms,
    )
