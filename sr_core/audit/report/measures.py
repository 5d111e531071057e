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
    grain: float
    """Differences much smaller than this say nothing, however equal the rest of a run is."""
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
        "psnr_y_db",
        "PSNR-Y",
        "dB",
        digits=2,
        worse="lower",
        grain=0.5,
        meaning="Closeness to the reference",
        columns=("psnr_y_db",),
    ),
    Measure(
        "ssim_y",
        "SSIM-Y",
        "",
        digits=4,
        worse="lower",
        grain=0.01,
        meaning="Structural closeness to the reference",
        columns=("ssim_y",),
    ),
    Measure(
        "lr_psnr_db",
        "LR-PSNR",
        "dB",
        digits=2,
        worse="lower",
        grain=0.5,
        meaning="Output shrunk again, against the source",
        columns=("lr_psnr_db",),
    ),
    Measure(
        "self_gain_db",
        "Gain over bicubic",
        "dB",
        digits=2,
        worse="lower",
        grain=0.2,
        meaning="PSNR-Y of the source shrunk and upscaled again, less that of bicubic",
        columns=("self_psnr_y_db", "self_psnr_y_bicubic_db"),
        derive=np.subtract,
    ),
    Measure(
        "colour_drift_delta_e",
        "Colour drift",
        "ΔE",
        digits=2,
        worse="higher",
        grain=0.2,
        meaning="Colour difference (CIEDE2000) of output and source, in blocks of 8 by 8 px",
        columns=("colour_drift_delta_e",),
    ),
    Measure(
        "sharpness_gain",
        "Sharpness gain",
        "\N{MULTIPLICATION SIGN}",
        digits=2,
        worse=None,
        grain=0.1,
        meaning="Laplacian variance over that of the bicubic upscale",
        columns=("sharpness_gain",),
    ),
    Measure(
        "upscale_ms_per_megapixel",
        "Time",
        "ms/MP",
        digits=0,
        worse=None,
        grain=10,
        meaning="Device time per output megapixel",
        columns=("upscale_ms", "width_out_px", "height_out_px"),
        derive=_ratio_per_megapixel,
    ),
)
"""In the order in which they are shown."""


def _floats(table: pa.Table, name: str) -> Values:
    column = table.column(name).cast(pa.float64())
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)
