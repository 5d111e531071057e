"""Evaluation of one image: every model's output with its scores and time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from sr_core.evaluation.benchmark import Pair
from sr_core.evaluation.scores import Scores, score
from sr_core.imaging.pixels import Pixels
from sr_core.inference.upscaler import Upscaler
from sr_core.metrics.lpips import LPIPS


@dataclass(frozen=True, slots=True)
class Output:
    """The output of one model for an image, with its scores and time."""

    model: str
    sr: Pixels
    scores: Scores
    upscale_ms: float


def evaluate(
    pair: Pair, upscalers: Mapping[str, Upscaler], scale: int, lpips: LPIPS | None
) -> list[Output]:
    """Upscale an image with every model, in order, and score the outputs.

    Raises: ImageError as the upscalers do.
    """
    return [_output(pair, name, upscaler, scale, lpips) for name, upscaler in upscalers.items()]


def _output(pair: Pair, name: str, upscaler: Upscaler, scale: int, lpips: LPIPS | None) -> Output:
    height, width = pair.hr.shape[:2]
    started = time.perf_counter()
    sr = upscaler.upscale(pair.lr, height, width).pixels
    upscale_ms = (time.perf_counter() - started) * 1e3
    return Output(name, sr, score(sr, pair.hr, scale, lpips), upscale_ms)
