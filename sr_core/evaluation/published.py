"""Scores at x4 from the literature, for comparison."""

from __future__ import annotations

from dataclasses import dataclass

SCALE = 4


@dataclass(frozen=True, slots=True)
class Published:
    """Mean scores on a set, without SSIM: the paper's comes from another implementation."""

    psnr_y_db: float
    lpips_alex: float | None


PUBLISHED = {
    ("Set5", "bicubic"): Published(28.42, 0.341),
    ("Set5", "srresnet"): Published(32.05, None),
    ("Set5", "srgan"): Published(29.40, 0.088),
    ("Set14", "bicubic"): Published(26.00, 0.439),
    ("Set14", "srresnet"): Published(28.49, None),
    ("Set14", "srgan"): Published(26.02, 0.166),
}
"""By benchmark and model, at x4.

Source: PSNR of SRResNet and SRGAN: arXiv 1609.04802, table 2; PSNR of bicubic: most tables since;
LPIPS: arXiv 2003.13081, table 1.
"""


def published(benchmark: str, model: str, scale: int) -> Published | None:
    """Return the published scores of a model on a benchmark, if any."""
    return PUBLISHED.get((benchmark, model)) if scale == SCALE else None
