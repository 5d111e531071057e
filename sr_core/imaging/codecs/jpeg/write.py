"""JPEG: writing; large pictures are compressed in strips."""

from __future__ import annotations

import struct

import numpy as np
import simplejpeg

from sr_core import scratch
from sr_core.imaging.codecs.jpeg import strips as jpeg_strips
from sr_core.imaging.codecs.jpeg.segments import segments
from sr_core.imaging.codecs.samples import Samples
from sr_core.imaging.metadata import Metadata
from sr_core.imaging.pixels import Pixels
from sr_core.scratch import Blob, Spool

_JFIF_BYTES = 20
"""Length of the start marker and the JFIF segment, with which simplejpeg's files begin."""


def encode(samples: Samples, quality: int, metadata: Metadata) -> Blob:
    """Write (H, W, 1 | 3) uint8 without chroma subsampling; too long metadata is dropped."""
    height, width, _ = samples.shape
    step = jpeg_strips.rows_per_strip(width) if samples.nbytes > scratch.limit_bytes else height
    strips = (_compressed(samples.rows(top, top + step), quality) for top in range(0, height, step))
    parts = jpeg_strips.join(strips, height)
    head = bytes(next(parts))
    start = head[:_JFIF_BYTES]
    file = Spool()
    file.write(start if metadata.dpi is None else _with_density(start, metadata.dpi))
    file.write(*segments(metadata), head[_JFIF_BYTES:])
    for part in parts:
        file.write(part)
    return file.finish()


def _compressed(pixels: Pixels, quality: int) -> bytes:
    grey = pixels.shape[2] == 1
    data: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(pixels),
        quality,
        "GRAY" if grey else "RGB",
        "Gray" if grey else "444",
    )
    return data


def _with_density(start: bytes, dpi: tuple[float, float]) -> bytes:
    """Set the resolution in the JFIF segment at the start."""
    wide, high = (min(65_535, max(1, round(value))) for value in dpi)
    return start[:13] + struct.pack(">BHH", 1, wide, high) + start[18:]
