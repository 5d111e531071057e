"""Scores of an upscaled image against HR, and their mean over a set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor

from sr_core.imaging.pixels import Pixels
from sr_core.imaging.tensors import to_tensor
from sr_core.metrics.lpips import LPIPS
from sr_core.metrics.reference import compare_y


@dataclass(frozen=True, slots=True)
class Scores:
    """PSNR and SSIM of luma (higher is better), LPIPS (lower is better; None if not measured)."""

    psnr_y_db: float
    ssim_y: float
    lpips_alex: float | None


def score(sr: Pixels, hr: Pixels, scale: int, lpips: LPIPS | None) -> Scores:
    """Score one image as the literature does.

    PSNR and SSIM leave `scale` pixels out on each side; LPIPS sees the whole RGB image.

    Args:
        sr: (H, W, C) uint8 or uint16; C of 1 counts as neutral RGB.
        hr: the reference, of the same height and width; channels may differ.
        scale: HR pixels per LR pixel.
        lpips: on any device, which computes it; None leaves lpips_alex None.

    Raises:
        ValueError: for sizes that differ or are too small: 11 + 2 * scale px a side, 31 for LPIPS.
    """
    psnr_y_db, ssim_y = compare_y(sr, hr, scale)
    return Scores(psnr_y_db, ssim_y, None if lpips is None else _distance(lpips, sr, hr))


def mean_scores(scores: Iterable[Scores]) -> Scores:
    """Return the mean of each score: +inf if one is, None if one is missing.

    Raises: ValueError if there are none.
    """
    every = list(scores)
    distances = [each.lpips_alex for each in every if each.lpips_alex is not None]
    return Scores(
        psnr_y_db=fmean(each.psnr_y_db for each in every),
        ssim_y=fmean(each.ssim_y for each in every),
        lpips_alex=fmean(distances) if len(distances) == len(every) else None,
    )


def _distance(lpips: LPIPS, sr: Pixels, hr: Pixels) -> float:
    with torch.inference_mode():
        return float(lpips(_rgb(sr, lpips.shift.device), _rgb(hr, lpips.shift.device)))


def _rgb(pixels: Pixels, device: torch.device) -> Tensor:
    return to_tensor(pixels).expand(-1, 3, -1, -1).to(device)
