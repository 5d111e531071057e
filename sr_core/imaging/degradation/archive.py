"""The degradation of archives: one or two passes of blur, resizing, noise, sharpening and JPEG."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sr_core.imaging.degradation import blur, jpeg, noise, resizing
from sr_core.imaging.degradation.planes import Planes, to_levels, to_planes

CLEAN_SHARE = 0.15
"""Share of LR made by plain bicubic: the network must not soften clean sources."""

SECOND_PASS_SHARE = 0.35
"""Share of pictures that were scaled and saved twice. Real-ESRGAN passes every picture twice, as on
the web; an archive mostly holds the first copy."""

LENS_BLUR_SHARE = 0.85
EARLIER_NOISE_SHARE, NOISE_SHARE = 0.5, 0.85
EARLIER_SHARPENING_SHARE, SHARPENING_SHARE = 0.2, 0.25
EARLIER_BLUR_SHARE = 0.2
EARLIER_JPEG_SHARE, JPEG_SHARE = 0.75, 0.9
"""Shares saved as JPEG; scans are also kept as PNG and TIFF."""

EARLIER_QUALITY = (50.0, 85.0, 98.0)
QUALITY = (30.0, 68.0, 96.0)
"""Least, most frequent and highest JPEG quality. Cameras and scanners write 85 to 95, archives
that saved space 50 to 75. Both papers go down to 30, as pictures of the web do; it is rare here."""


def degrade_as_archive(
    hr: NDArray[np.uint8], scale: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Make LR as an archive may hold it.

    Strengths are in LR pixels and in levels of 255. A share is plain bicubic. The others are
    blurred by a lens, shrunk by a random kernel, then sharpened and given noise in random order,
    and saved as JPEG. A second-order share first has an earlier life at another size: from .55 to
    twice that of LR, with noise, sharpening, blur and JPEG of its own, in random order.

    Left out: halftone screens, whose removal is a task of its own, and sinc filters, whose ringing
    the sharpening halos resemble.

    Args:
        hr: (H, W, 3); rows and columns beyond a multiple of scale are cut off.
        scale: HR pixels per LR pixel.
        rng: decides everything.

    Returns:
        (H // scale, W // scale, 3).

    Raises: ValueError for a side shorter than scale.
    Source: arXiv 2107.10833 (Real-ESRGAN), sections 3.1 and 3.2; arXiv 2103.14006 (BSRGAN),
        section 3.
    """
    height, width = hr.shape[0] // scale, hr.shape[1] // scale
    if min(height, width) < 1:
        raise ValueError(f"an image of {hr.shape[1]}x{hr.shape[0]} px cannot shrink by {scale}")
    planes = to_planes(hr[: height * scale, : width * scale])
    if rng.random() < CLEAN_SHARE:
        return to_levels(resizing.resize(planes, height, width, "bicubic"))
    if rng.random() < LENS_BLUR_SHARE:
        planes = blur.lens(planes, scale, rng)
    if rng.random() < SECOND_PASS_SHARE:
        planes = _earlier_life(planes, height, width, rng)
    planes = resizing.resize(planes, height, width, resizing.draw_kernel(rng))
    lr = to_levels(_in_random_order(planes, 1.0, rng, (NOISE_SHARE, SHARPENING_SHARE, 0.0)))
    if rng.random() < JPEG_SHARE:
        lr = jpeg.save(lr, jpeg.draw_quality(rng, QUALITY), rng)
    return lr


def _earlier_life(planes: Planes, height: int, width: int, rng: np.random.Generator) -> Planes:
    """Resize to an odd size near LR's and degrade there."""
    rows, columns = resizing.draw_size(height, width, planes.shape[1:], rng)
    planes = resizing.resize(planes, rows, columns, resizing.draw_kernel(rng))
    shares = EARLIER_NOISE_SHARE, EARLIER_SHARPENING_SHARE, EARLIER_BLUR_SHARE
    planes = _in_random_order(planes, rows / height, rng, shares)
    if rng.random() < EARLIER_JPEG_SHARE:
        saved = jpeg.save(to_levels(planes), jpeg.draw_quality(rng, EARLIER_QUALITY), rng)
        planes = to_planes(saved)
    return planes


def _in_random_order(
    planes: Planes, px_per_lr_px: float, rng: np.random.Generator, shares: tuple[float, ...]
) -> Planes:
    """Add noise, sharpen and blur, each by its share, in random order."""
    steps = (noise.add, blur.sharpen, blur.lens)
    for index in rng.permutation(len(steps)):
        if rng.random() < shares[index]:
            planes = steps[index](planes, px_per_lr_px, rng)
    return planes
