"""All metrics, one entry each; tables, reports, training pages and docs/metrics.md derive from it.

Loads without torch. `python -m sr_core.metrics.registry` prints the tables of docs/metrics.md.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from sr_core.metrics.metric import Metric, Values
from sr_core.metrics.trust.entries import TRUST

PROTOCOL_VERSION = "3"
"""Incremented with every change that alters a measured value; part of the run id."""
CONTINUED_PROTOCOLS = frozenset({"2"})
"""Earlier protocols whose runs may be finished by this version: it measures their columns alike,
apart from `lr_psnr_db` and `colour_drift_delta_e` of outputs with fewer bits or without the alpha
of their source, which protocol 2 got wrong."""


def _difference(columns: Sequence[Values]) -> Values:
    own, baseline = columns
    with np.errstate(invalid="ignore"):  # inf - inf
        return own - baseline


def _ms_per_megapixel(columns: Sequence[Values]) -> Values:
    ms, width_px, height_px = columns
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(1e6 * ms / (width_px * height_px))


_SELF_WINDOW = (
    "a window of at most 512x512 px at the source's centre, shrunk by `scale` and upscaled again"
)

PSNR_Y = Metric(
    name="psnr_y_db",
    label="PSNR-Y",
    unit="dB",
    digits=2,
    direction="higher",
    grain=0.5,
    needs="a reference",
    description="pixel-wise closeness to the reference: PSNR of luma",
    protocol="PSNR of unrounded BT.601 Y against the reference, `scale` pixels cropped on each "
    "side; +inf for identical images",
)
SSIM_Y = Metric(
    name="ssim_y",
    label="SSIM-Y",
    unit="",
    digits=4,
    direction="higher",
    grain=0.01,
    needs="a reference",
    description="structural closeness to the reference: SSIM of luma",
    protocol="SSIM of the same Y: Gaussian window of 11x11, sigma 1.5, K1 0.01, K2 0.03, windows "
    "inside the image only",
)
SELF_PSNR_Y = Metric(
    name="self_psnr_y_db",
    label="Self PSNR-Y",
    unit="dB",
    digits=2,
    direction="higher",
    grain=0.5,
    needs="the upscaler",
    description="accuracy on the source, shrunk and upscaled again: PSNR of luma",
    protocol=f"psnr_y_db of {_SELF_WINDOW}",
)
SELF_SSIM_Y = Metric(
    name="self_ssim_y",
    label="Self SSIM-Y",
    unit="",
    digits=4,
    direction="higher",
    grain=0.01,
    needs="the upscaler",
    description="accuracy on the source, shrunk and upscaled again: SSIM of luma",
    protocol=f"ssim_y of {_SELF_WINDOW}",
)
SELF_PSNR_Y_BICUBIC = Metric(
    name="self_psnr_y_bicubic_db",
    label="Self PSNR-Y of bicubic",
    unit="dB",
    digits=2,
    direction="none",
    grain=0.5,
    needs="the upscaler",
    description="baseline for self_psnr_y_db: bicubic in place of the upscaler",
    protocol="self_psnr_y_db with bicubic in place of the upscaler",
)
SELF_SSIM_Y_BICUBIC = Metric(
    name="self_ssim_y_bicubic",
    label="Self SSIM-Y of bicubic",
    unit="",
    digits=4,
    direction="none",
    grain=0.01,
    needs="the upscaler",
    description="baseline for self_ssim_y: bicubic in place of the upscaler",
    protocol="self_ssim_y with bicubic in place of the upscaler",
)
LR_PSNR = Metric(
    name="lr_psnr_db",
    label="LR-PSNR",
    unit="dB",
    digits=2,
    direction="higher",
    grain=0.5,
    needs="nothing",
    description="consistency with the source: PSNR of the output, shrunk again",
    protocol="PSNR over all channels of the output, shrunk to the source's size by antialiased "
    "bicubic and rounded, against the source; +inf if identical",
)
COLOUR_DRIFT = Metric(
    name="colour_drift_delta_e",
    label="Colour drift",
    unit="ΔE",
    digits=2,
    direction="lower",
    grain=0.2,
    needs="nothing",
    description="colour casts and blotches: CIEDE2000 of output and source in blocks of 8x8 px",
    protocol="mean CIEDE2000 between the mean colours of 8x8 blocks of the shrunk output and of "
    "the source",
)
SHARPNESS_GAIN = Metric(
    name="sharpness_gain",
    label="Sharpness gain",
    unit="×",
    digits=2,
    direction="none",
    grain=0.1,
    needs="nothing",
    description="sharpness against bicubic: ratio of the variances of the Laplacian",
    protocol="variance of the Laplacian of Y over that of the source upscaled by bicubic; from "
    "1024 rows on, every fourth strip of 32",
)
LPIPS_ALEX = Metric(
    name="lpips_alex",
    label="LPIPS (alex)",
    unit="",
    digits=4,
    direction="lower",
    grain=0.01,
    needs="a reference",
    description="perceptual distance to the reference: LPIPS with AlexNet",
    protocol="LPIPS v0.1 with AlexNet over RGB of the whole image",
)
"""Measured on benchmarks and in validations; the metrics table of a run does not have it."""
SELF_GAIN = Metric(
    name="self_gain_db",
    label="Gain over bicubic",
    unit="dB",
    digits=2,
    direction="higher",
    grain=0.2,
    needs="the upscaler",
    description="gain over bicubic on the source, shrunk and upscaled again: PSNR of luma",
    protocol="self_psnr_y_db less self_psnr_y_bicubic_db",
    columns=(SELF_PSNR_Y.name, SELF_PSNR_Y_BICUBIC.name),
    derive=_difference,
)
TIME = Metric(
    name="upscale_ms_per_megapixel",
    label="Time",
    unit="ms/MP",
    digits=0,
    direction="none",
    grain=10,
    needs="nothing",
    description="device time per output megapixel",
    protocol="upscale_ms over the megapixels of the output",
    columns=("upscale_ms", "width_out_px", "height_out_px"),
    derive=_ms_per_megapixel,
)

METRICS: tuple[Metric, ...] = (
    PSNR_Y,
    SSIM_Y,
    SELF_PSNR_Y,
    SELF_SSIM_Y,
    SELF_PSNR_Y_BICUBIC,
    SELF_SSIM_Y_BICUBIC,
    LR_PSNR,
    COLOUR_DRIFT,
    SHARPNESS_GAIN,
    *TRUST,
)
"""Columns of the metrics table, in their order there."""
REPORTED: tuple[Metric, ...] = (
    PSNR_Y,
    SSIM_Y,
    LR_PSNR,
    SELF_GAIN,
    COLOUR_DRIFT,
    SHARPNESS_GAIN,
    TIME,
)
"""Metrics of the reports, in the order in which they are shown."""
VALIDATED: tuple[Metric, ...] = (PSNR_Y, SSIM_Y, LPIPS_ALEX)
"""Metrics of a training's validations."""


def describe_metrics() -> str:
    """Describe the metrics of the table and of the reports, but those of trust, as Markdown."""
    derived = [metric for metric in REPORTED if metric.is_derived]
    plain = [metric for metric in METRICS if metric not in TRUST]
    lines = ["| column | label | unit | better | needs | description |", "| --- " * 6 + "|"]
    lines += [
        f"| {_name(each)} | {each.label} | {each.unit or '-'} | "
        f"{'-' if each.direction == 'none' else each.direction} | {each.needs} | "
        f"{each.description} |"
        for each in [*plain, *derived]
    ]
    return "\n".join(lines) + "\n"


def describe_trust() -> str:
    """Describe the measures of trust, and what they cannot show, as Markdown."""
    lines = ["| column | label | unit | better | description | cannot show |", "| --- " * 6 + "|"]
    lines += [
        f"| `{each.name}` | {each.label} | {each.unit or '-'} | "
        f"{'-' if each.direction == 'none' else each.direction} | {each.description} | "
        f"{each.blind_spot} |"
        for each in TRUST
    ]
    return "\n".join(lines) + "\n"


def _name(metric: Metric) -> str:
    return f"`{metric.name}` (derived)" if metric.is_derived else f"`{metric.name}`"


if __name__ == "__main__":
    sys.stdout.write(f"{describe_metrics()}\n{describe_trust()}")
