"""What each metric column means, for whoever reads the tables; no torch is needed to read this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PROTOCOL_VERSION = "2"
"""Counts up with every change that makes a number come out differently; part of the run id."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One column. Undefined values are null; docs/metrics.md has formulas and sources."""

    name: str
    unit: Literal["dB", "delta E", "1"]
    direction: Literal["higher", "lower", "none"]
    """Which values are better; none: the value tells, but does not rank."""
    needs: Literal["nothing", "reference", "upscaler"]
    """What it takes beyond source and output; an upscaler makes the source again from less."""
    protocol: str


_SELF = "a window of up to 512x512 px round the source's centre, shrunk by scale and upscaled"

METRICS: tuple[Metric, ...] = (
    Metric(
        "psnr_y_db",
        "dB",
        "higher",
        "reference",
        "PSNR of unrounded BT.601 Y against the reference, scale pixels cut on each side; "
        "+inf where equal",
    ),
    Metric(
        "ssim_y",
        "1",
        "higher",
        "reference",
        "SSIM of the same Y: gaussian window of 11x11, sigma 1.5, K1 0.01, K2 0.03, whole windows",
    ),
    Metric("self_psnr_y_db", "dB", "higher", "upscaler", f"PSNR as psnr_y_db of {_SELF}"),
    Metric("self_ssim_y", "1", "higher", "upscaler", f"SSIM as ssim_y of {_SELF}"),
    Metric(
        "self_psnr_y_bicubic_db",
        "dB",
        "none",
        "upscaler",
        "as self_psnr_y_db with bicubic in place of the upscaler: the yardstick beside it",
    ),
    Metric(
        "self_ssim_y_bicubic",
        "1",
        "none",
        "upscaler",
        "as self_ssim_y with bicubic in place of the upscaler: the yardstick beside it",
    ),
    Metric(
        "lr_psnr_db",
        "dB",
        "higher",
        "nothing",
        "PSNR over all channels of the output, shrunk to the source's size by antialiased bicubic "
        "and rounded, against the source; +inf where equal",
    ),
    Metric(
        "colour_drift_delta_e",
        "delta E",
        "lower",
        "nothing",
        "mean CIEDE2000 between mean colours of 8x8 blocks of the shrunk output and the source",
    ),
    Metric(
        "sharpness_gain",
        "1",
        "none",
        "nothing",
        "variance of the Laplacian of Y over that of the source upscaled by bicubic; of at least "
        "1024 rows, every fourth strip of 32",
    ),
)
