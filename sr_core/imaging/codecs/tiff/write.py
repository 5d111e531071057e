"""TIFF: writing of grey or RGB pages of 8 or 16 bits, with alpha and metadata."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from isal import isal_zlib

from sr_core.imaging.codecs.samples import Samples
from sr_core.imaging.codecs.tags.tree import Order, link_position
from sr_core.imaging.codecs.tiff import fax
from sr_core.imaging.codecs.tiff.description import begin, described
from sr_core.imaging.codecs.tiff.page import Structure, Values, write_page
from sr_core.imaging.metadata import Metadata
from sr_core.imaging.pixels import Pixels
from sr_core.scratch import Blob, Spool

_STRIP_BYTES = 1 << 20
_CLASSIC_BYTES = (1 << 32) - (1 << 26)
"""Size of all samples above which the file becomes a BigTIFF, whose offsets have 8 bytes."""

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 0x100, 0x101, 0x102, 0x103, 0x106
_OFFSETS, _SAMPLES, _ROWS, _COUNTS, _PREDICTOR, _EXTRA = 0x111, 0x115, 0x116, 0x117, 0x13D, 0x152
_DEFLATE, _DIFFERENCES, _GREY, _RGB, _STRAIGHT_ALPHA = 8, 2, 1, 2, 2


def encode(
    pages: Sequence[Samples],
    metadata: Metadata,
    profiles: Sequence[bytes | None],
    bitonal: Sequence[bool],
) -> Blob:
    """Write pages of (H, W, 1..4) samples: horizontal differences, deflated in strips.

    Bitonal pages have 1 bit per pixel and are fax of group 4.

    Each page has the metadata and the ICC profile of its own. The byte order is that of the EXIF
    data, so that values need no change.

    Source: TIFF 6.0, sections 8 and 14; Adobe's TIFF technical note 2 (deflate); BigTIFF.
    """
    big = sum(page.nbytes for page in pages) > _CLASSIC_BYTES
    file = Spool()
    about = begin(file, replace(metadata, icc=profiles[0]), big=big)
    link = 8 if big else 4  # the header's link to the first page
    plain = [Metadata(dpi=metadata.dpi)] * len(pages)
    every = [metadata, *metadata.later, *plain][: len(pages)]
    for index, (samples, page, icc) in enumerate(zip(pages, every, profiles, strict=True)):
        if index:
            about = described(file, replace(page, icc=icc), about.order, big=big)
        file.write(b"\0" * (file.size % 2))
        position = file.size
        file.overwrite(link, struct.pack(about.order + ("Q" if big else "I"), position))
        structure, strips = _structure(samples), _strips(samples, about.order)
        if bitonal[index]:
            structure, strips = fax.structure(samples), fax.strips(samples)
        fields = write_page(file, structure, strips, about, big=big)
        link = link_position(position, fields, big=big)
    return file.finish()


def _structure(samples: Samples) -> Structure:
    height, width, channels = samples.shape
    values: list[Values] = [
        (_WIDTH, "I", [width]),
        (_HEIGHT, "I", [height]),
        (_BITS, "H", [samples.dtype.itemsize * 8] * channels),
        (_COMPRESSION, "H", [_DEFLATE]),
        (_PHOTOMETRIC, "H", [_RGB if channels >= 3 else _GREY]),
        (_SAMPLES, "H", [channels]),
        (_ROWS, "I", [_rows_per_strip(samples)]),
        (_PREDICTOR, "H", [_DIFFERENCES]),
    ]
    if channels in (2, 4):
        values.append((_EXTRA, "H", [_STRAIGHT_ALPHA]))
    return Structure(tuple(values), _OFFSETS, _COUNTS, math.ceil(height / _rows_per_strip(samples)))


def _strips(samples: Samples, order: Order) -> Iterator[bytes]:
    step = _rows_per_strip(samples)
    for top in range(0, samples.shape[0], step):
        yield deflated(samples.rows(top, top + step), order)


def deflated(part: Pixels, order: Order) -> bytes:
    """Return samples, (H, W, C), as deflated horizontal differences."""
    differences = part.copy()
    np.subtract(part[:, 1:], part[:, :-1], out=differences[:, 1:])
    stored = differences.astype(part.dtype.newbyteorder(order), copy=False)
    data: bytes = isal_zlib.compress(stored.reshape(len(part), -1), 1)
    return data


def _rows_per_strip(samples: Samples) -> int:
    rows: int = samples.shape[0]
    return min(rows, max(1, _STRIP_BYTES // (samples.nbytes // rows)))
