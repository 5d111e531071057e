"""LR images for training, made from HR by bicubic or by the degradation of archives."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sr_core.imaging.degradation.archive import degrade_as_archive
from sr_core.imaging.degradation.prints import age
from sr_core.imaging.resample import degrade
from sr_core.imaging.tensors import to_pixels, to_tensor

__all__ = ["CONTEXT_LR_PX", "DEGRADATIONS", "cut_pair", "is_random", "shrink"]

DEGRADATIONS = ("bicubic", "archive")
"""The first is the paper's and draws nothing; the second is drawn anew at every call."""


CONTEXT_LR_PX = 8
"""Context round a patch that is degraded by itself: more than any filter reaches."""


def is_random(degradation: str) -> bool:
    """Return True if a degradation makes another LR at each call.

    Raises: ValueError if there is no such degradation.
    """
    if degradation not in DEGRADATIONS:
        raise ValueError(f"degradation is one of {', '.join(DEGRADATIONS)}, not {degradation}")
    return degradation == "archive"


def shrink(
    hr: NDArray[np.uint8], scale: int, degradation: str, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Make LR from a photograph or from a patch of one.

    "bicubic" is `resample.degrade`: what the paper trains on and benchmarks measure. A network
    that saw nothing else takes noise and JPEG blocks for texture and sharpens them. "archive" is
    `archive.degrade_as_archive`.

    Args:
        hr: (H, W, 3).
        scale: HR pixels per LR pixel; rows and columns beyond a multiple are cut off.
        degradation: one of DEGRADATIONS.
        rng: decides everything that is random; "bicubic" draws nothing.

    Returns:
        (H // scale, W // scale, 3).

    Raises: ValueError for another degradation, or a side shorter than scale.
    """
    if is_random(degradation):
        return degrade_as_archive(hr, scale, rng)
    lr = to_pixels(degrade(to_tensor(hr), scale), np.dtype(np.uint8))
    return lr.astype(np.uint8, copy=False)


def cut_pair(
    photograph: NDArray[np.uint8],
    corner: tuple[int, int],
    size: tuple[int, int],
    scale: int,
    rng: np.random.Generator,
    *,
    aged: bool = False,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Cut HR out of a photograph and make its LR as an archive may hold it.

    The surroundings are degraded too, as far as the photograph reaches, so that the result is that
    of a part of a picture.

    Args:
        photograph: (H, W, 3).
        corner: top and left of HR.
        size: height and width of HR, multiples of scale.
        scale: HR pixels per LR pixel.
        rng: decides everything that is random.
        aged: give a share of pairs the tones of old prints, HR as well.

    Returns:
        LR and HR, (height // scale, width // scale, 3) and (height, width, 3).

    Raises: ValueError for a size shorter than scale.
    """
    rows, columns = (
        _with_context(start, length, limit, scale)
        for start, length, limit in zip(corner, size, photograph.shape[:2], strict=True)
    )
    patch = photograph[rows.start : rows.stop, columns.start : columns.stop]
    if aged:
        patch = age(patch, rng)
    lr = degrade_as_archive(patch, scale, rng)
    top, left = corner[0] - rows.start, corner[1] - columns.start
    hr = patch[top : top + size[0], left : left + size[1]]
    top, left = top // scale, left // scale
    return lr[top : top + size[0] // scale, left : left + size[1] // scale], hr


def _with_context(start: int, length: int, limit: int, scale: int) -> range:
    """Extend [start, start + length) to both sides by whole LR pixels, as far as there are any."""
    before = min(CONTEXT_LR_PX, start // scale) * scale
    after = min(CONTEXT_LR_PX, (limit - start - length) // scale) * scale
    return range(start - before, start + length + after)
