"""Rules for the values of single columns, and for metrics that go together."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow.compute as pc

from sr_core.archive.schemas import METRICS_SCHEMA
from sr_core.audit.verify.rules.masks import (
    LARGEST,
    Mask,
    Rule,
    below,
    not_in,
    not_like,
    only_one_of,
    outside,
)
from sr_core.imaging.codecs import EXTENSIONS
from sr_core.metrics.registry import METRICS

_POSITIVE = (
    "source_size_bytes",
    "bit_depth",
    "width_in_px",
    "height_in_px",
    "pages",
    "width_out_px",
    "height_out_px",
    "output_size_bytes",
)
_SHA256 = "^[0-9a-f]{64}$"
_TIMES = tuple(name for name in METRICS_SCHEMA.names if name.endswith("_ms"))
_IDENTICAL = (
    ("psnr_y_db", "ssim_y"),
    ("self_psnr_y_db", "self_ssim_y"),
    ("self_psnr_y_bicubic_db", "self_ssim_y_bicubic"),
)
"""Metrics that are both perfect for identical images."""
_SSIM_MARGIN = 1e-6


def value_rules() -> Iterable[Rule]:
    """Return the rules for hashes, sizes, times and formats."""
    for name in ("source_sha256", "output_sha256"):
        yield Rule(f"its {name} is no SHA-256: {{{name}}}", not_like(name, _SHA256))
    for name in _POSITIVE:
        yield Rule(f"its {name} is {{{name}}}", below(name, 1))
    yield Rule("its orientation_in is {orientation_in}", outside("orientation_in", 1, 8))
    for name in _TIMES:
        yield Rule(f"its {name} is {{{name}}}", outside(name, 0, LARGEST))
    yield Rule("its format_out is {format_out}", not_in("format_out", [*EXTENSIONS]))
    for output_format, extension in EXTENSIONS.items():
        yield Rule(
            "its output {output_key} is {format_out}", _named_otherwise(output_format, extension)
        )


def metric_rules() -> Iterable[Rule]:
    """Return the rules for the range of each metric, and for metrics that go together."""
    for metric in METRICS:
        if "ssim" in metric.name:
            lowest, highest = -1.0, 1 + _SSIM_MARGIN
        else:
            lowest, highest = 0.0, np.inf if metric.unit == "dB" else LARGEST
        message = f"its {metric.name} is {{{metric.name}}}"
        yield Rule(message, outside(metric.name, lowest, highest))
    for psnr, ssim in _IDENTICAL:
        message = f"its {psnr} is {{{psnr}}}, but its {ssim} {{{ssim}}}"
        yield Rule(message, _perfect_by_one(psnr, ssim))
    yield Rule(
        "its lr_psnr_db is {lr_psnr_db}, but its colour_drift_delta_e {colour_drift_delta_e}",
        lambda rows: pc.and_(
            pc.is_inf(rows["lr_psnr_db"]), pc.greater(rows["colour_drift_delta_e"], 1e-3)
        ),
    )
    yield Rule(
        "it has one of self_psnr_y_db and self_psnr_y_bicubic_db",
        only_one_of("self_psnr_y_db", "self_psnr_y_bicubic_db"),
    )


def _named_otherwise(output_format: str, extension: str) -> Mask:
    """Mask outputs of a format without its extension."""
    return lambda rows: pc.and_(
        pc.equal(rows["format_out"], output_format),
        pc.invert(pc.ends_with(rows["output_key"], f".{extension}")),
    )


def _perfect_by_one(psnr: str, ssim: str) -> Mask:
    """Mask rows that are perfect by PSNR, but not by SSIM."""
    return lambda rows: pc.and_(pc.is_inf(rows[psnr]), pc.less(rows[ssim], 1 - _SSIM_MARGIN))
