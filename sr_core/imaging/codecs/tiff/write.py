"""TIFF: writing of grey or RGB pages of 8 or 16 bits, with alpha and metadata."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from isal import isal_zlib

from sr_core.imaging.codecs.samples import Samples
from sr_core.imaging.codecs.tags.tree import Field, Order, link_position, serialised
from sr_core.imaging.codecs.tiff.description import Description, begin, described
from sr_core.imaging.metadata import Metadata
from sr_core.scratch import Blob, Spool

_STRIP_BYTES = 1 << 20
_CLASSIC_BYTES = (1 << 32) - (1 << 26)
"""Size of all samples above which the file becomes a BigTIFF, whose offsets have 8 bytes."""

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 0x100, 0x101, 0x102, 0x103, 0x106
_OFFSETS, _SAMPLES, _ROWS, _COUNTS, _PREDICTOR, _EXTRA = 0x111, 0x115, 0x116, 0x117, 0x13D, 0x152
_DEFLATE, _DIFFERENCES, _GREY, _RGB, _STRAIGHT_ALPHA = 8, 2, 1, 2, 2
_LETTERS = {"H": 3, "I": 4, "Q": 16}


def encode(pages: Sequence[Samples], metadata: Metadata, profiles: Sequence[bytes | None]) -> Blob:
    """Write pages of (H, W, 1..4) samples: horizontal differences, deflated in strips.

    Each directory precedes its strips, so that readers find the first one at once; it is rewritten
    when the lengths of the strips are known. Each page has the metadata and the ICC profile of its
    own. The byte order is that of the EXIF data, so that values need no change.

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
        fields = _write_page(file, samples, about, big=big)
        link = link_position(position, fields, big=big)
    return file.finish()


def _write_page(file: Spool, samples: Samples, about: Description, *, big: bool) -> int:
    """Write a directory and the strips of its page; return the number of its tags."""
    position, order = file.size, about.order
    counts = [0] * math.ceil(samples.shape[0] / _rows_per_strip(samples))
    fields = _fields(samples, counts, 0, about, big=big)
    length = len(serialised(fields, position, order, big=big))
    file.write(bytes(length))
    for index, strip in enumerate(_strips(samples, order)):
        counts[index] = len(strip)
        file.write(strip)
    fields = _fields(samples, counts, position + length, about, big=big)
    file.overwrite(position, serialised(fields, position, order, big=big))
    return len(fields)


def _strips(samples: Samples, order: Order) -> Iterator[bytes]:
    height, width, channels = samples.shape
    step = _rows_per_strip(samples)
    for top in range(0, height, step):
        part = samples.rows(top, top + step)
        differences = part.copy()
        np.subtract(part[:, 1:], part[:, :-1], out=differences[:, 1:])
        stored = differences.astype(samples.dtype.newbyteorder(order), copy=False)
        yield isal_zlib.compress(stored.reshape(-1, width * channels), 1)


def _rows_per_strip(samples: Samples) -> int:
    rows: int = samples.shape[0]
    return min(rows, max(1, _STRIP_BYTES // (samples.nbytes // rows)))


def _fields(
    samples: Samples, counts: Sequence[int], start: int, about: Description, *, big: bool
) -> list[Field]:
    """Return the tags of a page. Their length does not depend on the counts.

    Args:
        samples: the page.
        counts: length of each strip in bytes.
        start: position of the first strip.
        about: the descriptive tags.
        big: True for BigTIFF.
    """
    height, width, channels = samples.shape
    offsets = (start + np.cumsum([0, *counts[:-1]])).tolist()
    letter = "Q" if big else "I"
    values: list[tuple[int, str, list[int]]] = [
        (_WIDTH, "I", [width]),
        (_HEIGHT, "I", [height]),
        (_BITS, "H", [samples.dtype.itemsize * 8] * channels),
        (_COMPRESSION, "H", [_DEFLATE]),
        (_PHOTOMETRIC, "H", [_RGB if channels >= 3 else _GREY]),
        (_OFFSETS, letter, offsets),
        (_SAMPLES, "H", [channels]),
        (_ROWS, "I", [_rows_per_strip(samples)]),
        (_COUNTS, letter, list(counts)),
        (_PREDICTOR, "H", [_DIFFERENCES]),
    ]
    if channels in (2, 4):
        values.append((_EXTRA, "H", [_STRAIGHT_ALPHA]))
    stored = [
        Field(
            tag, _LETTERS[kind], len(found), struct.pack(f"{about.order}{len(found)}{kind}", *found)
        )
        for tag, kind, found in values
    ]
    return [*stored, *about.fields]
