"""Metrics without a reference: consistency with the source, colour drift and sharpness."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sr_core.imaging.pixels import Pixels
from sr_core.imaging.spans import resize_window, side_by_side, spans
from sr_core.imaging.tensors import LUMA_WEIGHTS
from sr_core.metrics.colour import delta_e_2000, srgb_to_lab
from sr_core.metrics.reference import luma, psnr_db

_STRIP_PX = 1 << 18
"""Approximate number of pixels held as floats at once."""
_BLOCK_PX = 8
"""Side of the blocks whose mean colours are compared."""
_SHARPNESS_PX = 32
"""Height of the strips whose sharpness is measured."""
_SHARPNESS_EVERY = 4
"""Every fourth strip is measured; more often in low images, so that at least eight strips count
if there are as many."""
_FLAT = 1e-9
"""Laplacian variance, peak 1, up to which an image has no detail to compare with."""


def lr_psnr(shrunk: Pixels, source: Pixels) -> float:
    """Compute LR-PSNR in dB, the consistency of the output with its source; +inf if identical.

    PSNR over all channels of the whole image, not over luma, so that a colour cast counts.

    Args:
        shrunk: the output resized to the source's size by antialiased bicubic; (H, W, C) uint8 or
            uint16.
        source: (H, W, C), same dtype.

    Returns:
        LR-PSNR in dB; higher is better.

    Raises:
        ValueError: if the shapes differ.

    Source: LR-PSNR of the NTIRE 2021 challenge Learning the Super-Resolution Space, and of SRFlow,
    arXiv 2006.14200: bicubic, rounded to integers, RGB.
    """
    _check_shapes(shrunk, source)
    error = 0.0
    for rows in _strips(source, 1):
        difference = np.subtract(shrunk[rows], source[rows], dtype=np.float32)
        error += float(np.vecdot(difference, difference).sum(dtype=np.float64))
    return psnr_db(error / source.size / float(np.iinfo(source.dtype).max) ** 2)


def colour_drift(shrunk: Pixels, source: Pixels) -> float:
    """Compute the mean CIEDE2000 difference between the mean colours of 8x8 blocks.

    Fine texture averages out within a block; colour casts and blotches remain.

    Args:
        shrunk: the output resized to the source's size by antialiased bicubic; (H, W, C) uint8 or
            uint16, sRGB.
        source: (H, W, C) uint8 or uint16.

    Returns:
        Difference in units of CIEDE2000; 0 for equal images, lower is better.

    Raises:
        ValueError: if the shapes differ.
    """
    _check_shapes(shrunk, source)
    total, blocks = 0.0, 0
    for rows in _strips(source, _BLOCK_PX):
        difference = delta_e_2000(_block_colours(shrunk[rows]), _block_colours(source[rows]))
        total += float(difference.sum(dtype=torch.float64))
        blocks += difference.numel()
    return total / blocks


def sharpness_gain(output: Pixels, source: Pixels) -> float | None:
    """Compute the ratio of the Laplacian variances of the output and of bicubic upscaling.

    Luma is compared. The bicubic image is rounded to integers like the output, so that rounding
    noise cancels. In high images only evenly spread strips of 32 rows are measured; see
    docs/metrics.md.

    Args:
        output: (H, W, C) uint8 or uint16.
        source: (h, w, C) uint8 or uint16.

    Returns:
        1 if as sharp as bicubic, more if sharper; None if bicubic has no detail or a side of the
        output is below 3 px.
    """
    height, width = output.shape[:2]
    if min(height, width) < 3:
        return None
    moments = torch.zeros(2, 3, dtype=torch.float64)
    # The Laplacian needs one pixel beyond each side of a window.
    windows = side_by_side(spans(source.shape[1], width, "bicubic", overlap_px=2))
    strips = spans(source.shape[0], height, "bicubic", overlap_px=2, length=_SHARPNESS_PX)
    every = min(_SHARPNESS_EVERY, max(1, len(strips) // 8))
    for row in strips[every // 2 :: every]:
        for columns in windows:
            inside = np.s_[row.start : row.stop, columns[0].start : columns[-1].stop]
            bicubic = resize_window(source, row, columns)
            moments[0] += _laplacian_moments(luma(output[inside]))
            moments[1] += _laplacian_moments(_luma(bicubic, np.iinfo(source.dtype).max))
    count, mean, square = moments.unbind(1)
    sharp, plain = (square / count - (mean / count) ** 2).tolist()
    return sharp / plain if plain > _FLAT else None


def _luma(rows: Tensor, top: int) -> Tensor:
    """Compute Y without its offset: (rows, 1 or 3, columns) in [0, top] -> (rows, columns)."""
    red, green, blue = (weight / (255.0 * top) for weight in LUMA_WEIGHTS)
    planes = rows.expand(-1, 3, -1)
    return (planes[:, 0] * red).add_(planes[:, 1], alpha=green).add_(planes[:, 2], alpha=blue)


def _laplacian_moments(y: Tensor) -> Tensor:
    """Return count, sum and sum of squares of the Laplacian inside (H, W), as (3,) float64."""
    laplacian = y[:-2, 1:-1] + y[2:, 1:-1]
    laplacian += y[1:-1, :-2]
    laplacian += y[1:-1, 2:]
    laplacian.sub_(y[1:-1, 1:-1], alpha=4)
    sums = laplacian.sum(1), laplacian.square_().sum(1)
    return torch.tensor([laplacian.numel(), *(rows.sum(dtype=torch.float64) for rows in sums)])


def _check_shapes(shrunk: Pixels, source: Pixels) -> None:
    if shrunk.shape != source.shape:
        raise ValueError(f"cannot compare shapes {shrunk.shape} and {source.shape}")


def _strips(image: Pixels, multiple: int) -> list[slice]:
    """Split the rows of an image into strips whose height, except the last, is a multiple."""
    height, width = image.shape[:2]
    strip_px = max(_STRIP_PX // width // multiple, 1) * multiple
    return [slice(start, start + strip_px) for start in range(0, height, strip_px)]


def _block_colours(pixels: Pixels) -> Tensor:
    """Return the mean colour of each block in CIELAB: (blocks down, blocks across, 3)."""
    # ceil_mode keeps partial blocks at the right and the bottom, averaged over their own pixels.
    means = F.avg_pool2d(_planes(pixels), _BLOCK_PX, ceil_mode=True)[0]
    return srgb_to_lab(means.expand(3, -1, -1).permute(1, 2, 0))


def _planes(pixels: Pixels) -> Tensor:
    """Convert (H, W, C) uint8 or uint16 to (1, C, H, W) float32 in [0, 1], planar in memory.

    Filters are faster on planes than on the channels-last memory of `to_tensor`.
    """
    planar = np.ascontiguousarray(pixels.transpose(2, 0, 1)).astype(np.float32)
    return torch.from_numpy(planar).div_(float(np.iinfo(pixels.dtype).max))[None]
