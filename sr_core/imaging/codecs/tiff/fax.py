"""TIFF: pages of black and white, compressed as fax of group 4."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator

import numpy as np
from PIL import Image, TiffImagePlugin

from sr_core.imaging.codecs.samples import Samples
from sr_core.imaging.codecs.tiff.page import Structure
from sr_core.imaging.pixels import Pixels

_STRIP_PX = 1 << 23
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 0x100, 0x101, 0x102, 0x103, 0x106
_OFFSETS, _SAMPLES, _ROWS, _COUNTS = 0x111, 0x115, 0x116, 0x117
_GROUP_4, _WHITE_IS_ZERO, _AS_GIVEN = 4, 0, 1


def structure(samples: Samples) -> Structure:
    """Return the tags of a page of 1 bit per pixel.

    Source: TIFF 6.0, section 11 (CCITT bilevel encodings).
    """
    height, width, _ = samples.shape
    values = (
        (_WIDTH, "I", [width]),
        (_HEIGHT, "I", [height]),
        (_BITS, "H", [1]),
        (_COMPRESSION, "H", [_GROUP_4]),
        (_PHOTOMETRIC, "H", [_WHITE_IS_ZERO]),
        (_SAMPLES, "H", [1]),
        (_ROWS, "I", [_rows_per_strip(samples)]),
    )
    return Structure(values, _OFFSETS, _COUNTS, math.ceil(height / _rows_per_strip(samples)))


def strips(samples: Samples) -> Iterator[bytes]:
    """Compress samples, (H, W, 1) of 0 and 255, strip by strip."""
    step = _rows_per_strip(samples)
    for top in range(0, samples.shape[0], step):
        yield _compressed(samples.rows(top, top + step))


def _rows_per_strip(samples: Samples) -> int:
    height, width, _ = samples.shape
    return int(min(height, max(1, _STRIP_PX // width)))


def _compressed(rows: Pixels) -> bytes:
    """Return one strip as Pillow's libtiff writes it, cut out of a TIFF of this strip alone.

    Black is 1 in fax, so that white paper is coded shortest.
    """
    file = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(rows[:, :, 0] == 0))
    image.save(file, "TIFF", compression="group4", strip_size=rows.size)
    file.seek(0)
    tags = TiffImagePlugin.TiffImageFile(file).tag_v2
    (start,), (length,) = tags[_OFFSETS], tags[_COUNTS]
    if tags[_PHOTOMETRIC] != _AS_GIVEN:
        raise ValueError("Pillow inverted the bits of a fax")
    return file.getvalue()[start : start + length]
