"""Validation of a generator on held-out photographs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from sr_core.errors import ConfigurationError
from sr_core.evaluation.scores import Scores, mean_scores, score
from sr_core.imaging.degradation import cut_pair, is_random, shrink
from sr_core.imaging.resample import resize_pixels
from sr_core.inference.tiled import GeneratorUpscaler
from sr_core.metrics.lpips import LPIPS
from sr_core.models.generator import Generator

WINDOW_PX = 256
"""Side of the window at each photograph's centre that is scored."""
_SAMPLES = 4


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Windows of photographs and their LR, (H, W, 3) uint8."""

    pairs: tuple[tuple[NDArray[np.uint8], NDArray[np.uint8]], ...]
    scale: int

    @classmethod
    def of(cls, photographs: Iterable[NDArray[np.uint8]], scale: int, degradation: str) -> HeldOut:
        """Cut the centre of each photograph and make its LR by the training's degradation.

        Raises: ConfigurationError if there are no photographs.
        """
        pairs = []
        for index, photograph in enumerate(photographs):
            height, width = (min(WINDOW_PX, side) // scale * scale for side in photograph.shape[:2])
            top, left = (photograph.shape[0] - height) // 2, (photograph.shape[1] - width) // 2
            rng = np.random.default_rng(index)
            if is_random(degradation):
                pairs.append(cut_pair(photograph, (top, left), (height, width), scale, rng))
            else:
                hr = photograph[top : top + height, left : left + width].copy()
                pairs.append((shrink(hr, scale, degradation, rng), hr))
        if not pairs:
            raise ConfigurationError("no photograph for validation could be read")
        return cls(tuple(pairs), scale)

    def validate(
        self, generator: Generator, device: torch.device, lpips: LPIPS | None
    ) -> tuple[Scores, NDArray[np.uint8]]:
        """Score a generator.

        Returns:
            The mean scores, and a picture of the first windows, one below the other:
            LR enlarged, bicubic, sr, hr.
        """
        upscaler = GeneratorUpscaler(generator, "validated", device=device)
        scores: list[Scores] = []
        rows: list[NDArray[np.uint8]] = []
        for lr, hr in self.pairs:
            height, width = hr.shape[:2]
            sr = upscaler.upscale(lr, height, width).pixels
            scores.append(score(sr, hr, self.scale, lpips))
            if len(rows) < _SAMPLES:
                plain = [resize_pixels(lr, height, width, kind) for kind in ("nearest", "bicubic")]
                rows.append(np.hstack([*plain, sr, hr]).astype(np.uint8, copy=False))
        return mean_scores(scores), _stack(rows)


def _stack(rows: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Stack rows of different widths, padded with black."""
    width = max(row.shape[1] for row in rows)
    return np.vstack([np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows])
