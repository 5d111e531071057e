"""A crop of an image, as every model renders it, for comparison by eye."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sr_core.evaluation.benchmark import Pair
from sr_core.evaluation.evaluate import Output
from sr_core.imaging.contact_sheet import Pane
from sr_core.imaging.pixels import Pixels
from sr_core.imaging.resample import resize_pixels
from sr_core.metrics.reference import luma

WINDOW_PX = 128
"""Longest side of a crop, in HR pixels."""


def crops(pair: Pair, outputs: Sequence[Output], scale: int) -> list[Pane]:
    """Cut one window out of LR (enlarged by nearest), every output and HR, in this order.

    It is the window with the largest squared error of bicubic in luma, so that it depends on the
    image alone and is the same for all models.
    """
    height, width = pair.hr.shape[:2]
    bicubic = resize_pixels(pair.lr, height, width, "bicubic")
    side = WINDOW_PX // scale * scale
    top, left = largest_error(bicubic, pair.hr, side, scale)
    window = np.s_[top : top + side, left : left + side]
    enlarged = resize_pixels(pair.lr, height, width, "nearest")
    rows, columns = pair.hr[window].shape[:2]
    return [
        Pane(enlarged[window], ("LR", f"crop of {columns}x{rows} px at {left}, {top}")),
        *(Pane(output.sr[window], (output.model, _caption(output))) for output in outputs),
        Pane(pair.hr[window], ("HR", f"{pair.image}, {width}x{height} px")),
    ]


def largest_error(sr: Pixels, hr: Pixels, side: int, step: int) -> tuple[int, int]:
    """Return top and left of the window with the largest squared error in luma.

    Args:
        sr: (H, W, C).
        hr: (H, W, C).
        side: side of the window; less if the image is smaller.
        step: windows start at multiples of it.
    """
    error = (luma(sr) - luma(hr)).square().double().numpy()
    # The sum over a window from four corners of the table of sums.
    sums = np.zeros((error.shape[0] + 1, error.shape[1] + 1))
    sums[1:, 1:] = error.cumsum(axis=0).cumsum(axis=1)
    rows, columns = (min(side, length) for length in error.shape)
    inside = sums[rows:, columns:] - sums[:-rows, columns:] - sums[rows:, :-columns]
    totals = (inside + sums[:-rows, :-columns])[::step, ::step]
    top, left = np.unravel_index(int(totals.argmax()), totals.shape)
    return int(top) * step, int(left) * step


def spread(count: int, wanted: int) -> list[int]:
    """Return at most `wanted` evenly spaced indices of `count`, including both ends."""
    return sorted({round(index) for index in np.linspace(0, count - 1, min(count, wanted))})


def _caption(output: Output) -> str:
    scores = output.scores
    distance = "" if scores.lpips_alex is None else f"   LPIPS {scores.lpips_alex:.3f}"
    return f"{scores.psnr_y_db:.2f} dB{distance}"
