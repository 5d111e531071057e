"""Judges of an output that no loss contains, beside PSNR, SSIM and LPIPS."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass
from statistics import fmean

from sr_core.imaging.pixels import Pixels
from sr_core.metrics.artefacts import flat_grain, grid_share
from sr_core.metrics.suite import measure


@dataclass(frozen=True, slots=True)
class Judges:
    """Consistency of an output with its source, and its artefacts; None if undefined."""

    lr_psnr_db: float | None
    """Consistency with LR; higher is better, unless LR is noisy."""
    self_psnr_y_db: float | None
    """Accuracy on LR itself, shrunk and upscaled again; higher is better."""
    colour_drift_delta_e: float | None
    """Drift of the mean colours of blocks from LR's; lower is better."""
    flat_grain: float | None
    """Grain in flat dark areas relative to HR; 1 is HR's own."""
    grid_share: float | None
    """Share of the finest detail that repeats with every LR pixel; lower is better."""


def judge(
    sr: Pixels,
    lr: Pixels,
    hr: Pixels,
    scale: int,
    upscale: Callable[[Pixels], Pixels] | None = None,
) -> Judges:
    """Judge an output.

    Args:
        sr: (H, W, C) with the channels of lr.
        lr: its source, (h, w, C).
        hr: the reference, of the size of sr; channels may differ.
        scale: HR pixels per LR pixel.
        upscale: the upscaler of sr, by the scale; None leaves self_psnr_y_db None.
    """
    measures = measure(lr, sr, upscale=upscale, scale=scale, reference=None)
    return Judges(
        lr_psnr_db=measures.lr_psnr_db,
        self_psnr_y_db=measures.self_psnr_y_db,
        colour_drift_delta_e=measures.colour_drift_delta_e,
        flat_grain=flat_grain(sr, hr),
        grid_share=grid_share(sr, scale),
    )


def mean_judges(judges: Iterable[Judges]) -> Judges:
    """Return the mean of each number over the images that have it; None if none has.

    Raises: ValueError if there are no judges.
    """
    columns = zip(*map(astuple, judges), strict=True)
    known = [[value for value in column if value is not None] for column in columns]
    if not known:
        raise ValueError("no image was judged")
    return Judges(*(fmean(values) if values else None for values in known))
