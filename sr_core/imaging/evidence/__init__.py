"""Traces of JPEG compression, noise and blur in a picture. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

from sr_core.imaging.evidence.blocks import blockiness
from sr_core.imaging.evidence.luma import luma_windows
from sr_core.imaging.evidence.noise import noise_levels
from sr_core.imaging.evidence.sharpness import edge_sharpness
from sr_core.imaging.pixels import Pixels

__all__ = ["Evidence", "JpegEvidence", "evidence_of"]


@dataclass(frozen=True, slots=True)
class JpegEvidence:
    """The compression of a JPEG file."""

    quality: int
    """Quality of libjpeg whose luma table is as coarse on average, 1 to 100."""
    sampling: str
    """Sampling of colour: 4:4:4, 4:2:2, 4:2:0, another such name, or grey."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Traces of compression, noise and blur in one picture."""

    jpeg: JpegEvidence | None
    """Compression of the file; None unless it is a JPEG."""
    blocks: float
    """Steps at the borders of 8x8 blocks, in levels of 255; 0 if chance may explain them."""
    noise: float
    """Standard deviation of luma noise in the flattest parts, in levels of 255."""
    sharpness: float
    """Share of a strong edge that lies between neighbours: 1/3 if very blurred, 1 for drawings."""


def evidence_of(pixels: Pixels, jpeg: JpegEvidence | None = None) -> Evidence:
    """Look for traces of compression, noise and blur, in a time that large pictures do not raise.

    Args:
        pixels: (H, W, C) with C = 1 or 3, uint8 or uint16, of any size.
        jpeg: compression of the file that the pixels come from; None unless it is a JPEG.
    """
    windows = luma_windows(pixels)
    return Evidence(jpeg, blockiness(windows), noise_levels(windows), edge_sharpness(windows))
