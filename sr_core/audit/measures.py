"""The measures a reader is shown: which columns, how they are named, which direction is bad."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Values = NDArray[np.float64]


def _ratio_per_megapixel(upscale_ms: Values, width_px: Values, height_px: Values) -> Values:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(1e6 * upscale_ms / (width_px * height_px))


@dataclass(frozen=True, slots=True)
class Measure:
    """One number per image, read from a column of the metrics table or derived from several."""

    name: str
    label: str
    unit: str
    digits: int
    worse: Literal["lower", "higher"] | None
    """None: neither direction is bad by itself, so it never makes an image one of the worst."""
    meaning: str
    columns: tuple[str, ...]
    derive: Callable[..., Values] | None = None

    def of(self, table: pa.Table) -> Values:
        """Return the values in the order of the table; NaN where a column is null.

        Raises: KeyError if the table lacks one of the columns.
        """
        values = [_floats(table, name) for name in self.columns]
        if self.derive is None:
            return values[0]
        with np.errstate(invalid="ignore"):  # inf - inf
            return self.derive(*values)


MEASURES = (
    Measure(
        *("psnr_y_db", "PSNR-Y", "dB", 2, "lower", "Closeness to the reference"),
        columns=("psnr_y_db",),
    ),
    Measure(
        *("ssim_y", "SSIM-Y", "", 4, "lower", "Structural closeness to the reference"),
        columns=("ssim_y",),
    ),
    Measure(
        *("lr_psnr_db", "LR-PSNR", "dB", 2, "lower"),
        "Output shrunk again, against the source",
        columns=("lr_psnr_db",),
    ),
    Measure(
        *("self_gain_db", "Gain over bicubic", "dB", 2, "lower"),
        "Source shrunk and upscaled again, PSNR-Y against the source, less that of bicubic",
        columns=("self_psnr_y_db", "self_psnr_y_bicubic_db"),
        derive=np.subtract,
    ),
    Measure(
        *("colour_drift_delta_e", "Colour drift", "ΔE", 2, "higher"),
        "Low-pass colour difference between output and source",
        columns=("colour_drift_delta_e",),
    ),
    Measure(
        *("sharpness_gain", "Sharpness gain", "\N{MULTIPLICATION SIGN}", 2, None),
        "Laplacian variance over that of the bicubic upscale",
        columns=("sharpness_gain",),
    ),
    Measure(
        *("upscale_ms_per_megapixel", "Time", "ms/MP", 0, None),
        "Device time per output megapixel",
        columns=("upscale_ms", "width_out_px", "height_out_px"),
        derive=_ratio_per_megapixel,
    ),
)
"""In the order in which they are shown."""


def _floats(table: pa.Table, name: str) -> Values:
    column = table.column(name).cast(pa.float64())
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)
