"""Noise: the spread of what remains of luma in the flattest parts of a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sr_core.imaging.evidence.luma import Luma

PATCH_PX = 8
_SHARE = 0.02
"""Share of patches that count as flat: photographs nearly always have that much sky, skin, wall or
blur, while a larger share meets texture."""
_FLATTEST = 0.694
"""Spread of the flattest fiftieth of patches over that of all, for white noise; simulated."""
_CLIPPED = 3.0
"""Levels from black and white within which noise is cut off."""
_FEWEST_PATCHES = 400
"""Patches of 160x160 pixels. In a smaller picture of a whole scene no patch is flat, and texture
would pass for noise."""


def noise_levels(windows: Sequence[Luma]) -> float:
    """Return the standard deviation of white noise in luma, in levels of 255.

    A filter that is blind to flat and sloping areas leaves noise and texture; the patches with the
    least of both show the noise. Coarse grain, and noise that JPEG has smoothed, count as less than
    they are. A picture without enough patches between black and white counts as free of noise.

    Source: J. Immerkaer, Fast noise variance estimation, 1996 (the filter).
    """
    spreads = np.concatenate([_patch_spreads(each) for each in windows])
    if len(spreads) < _FEWEST_PATCHES:
        return 0.0
    return float(np.quantile(spreads, _SHARE) / _FLATTEST)


def _patch_spreads(luma: Luma) -> Luma:
    """Return the spread of the filtered luma in each patch that is neither black nor white."""
    rows, columns = ((length - 2) // PATCH_PX for length in luma.shape)
    if rows < 1 or columns < 1:
        return np.empty(0, np.float32)
    across = luma[:, :-2] - 2 * luma[:, 1:-1] + luma[:, 2:]
    rest = (across[:-2] - 2 * across[1:-1] + across[2:]) / 6
    middle = _patches(luma[1:-1, 1:-1], rows, columns)
    clipped = (middle.min(axis=(1, 3)) < _CLIPPED) | (middle.max(axis=(1, 3)) > 255 - _CLIPPED)
    spread: Luma = np.sqrt(np.square(_patches(rest, rows, columns)).mean(axis=(1, 3)))
    unclipped: Luma = spread[~clipped]
    return unclipped


def _patches(values: Luma, rows: int, columns: int) -> Luma:
    whole = values[: rows * PATCH_PX, : columns * PATCH_PX]
    return whole.reshape(rows, PATCH_PX, columns, PATCH_PX)
