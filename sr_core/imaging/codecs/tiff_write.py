"""TIFF: writing of grey or RGB pages of 8 or 16 bits, with alpha and metadata."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from isal import isal_zlib
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from sr_core.imaging.codecs import exif
from sr_core.imaging.codecs.samples import Samples
from sr_core.imaging.metadata import Metadata
from sr_core.scratch import Blob, Spool

_STRIP_BYTES = 1 << 20
_CLASSIC_BYTES = (1 << 32) - (1 << 26)
"""Size of all samples above which the file becomes a BigTIFF, whose offsets have 8 bytes."""
_HEADER, _BIG_HEADER = b"II\x2a\0\x08\0\0\0", b"II\x2b\0\x08\0\0\0\x10\0\0\0\0\0\0\0"

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 0x100, 0x101, 0x102, 0x103, 0x106
_OFFSETS, _SAMPLES, _ROWS, _COUNTS, _PREDICTOR = 0x111, 0x115, 0x116, 0x117, 0x13D
_EXTRA, _XMP, _ICC = 0x152, 0x2BC, 0x8773
_DEFLATE, _DIFFERENCES, _GREY, _RGB, _STRAIGHT_ALPHA, _INCH = 8, 2, 1, 2, 2, 2
_BYTE, _LONG, _UNDEFINED, _LONG8 = 1, 4, 7, 16


def encode(pages: Sequence[Samples], metadata: Metadata, profiles: Sequence[bytes | None]) -> Blob:
    """Write pages of (H, W, 1..4) samples: horizontal differences, deflated in strips.

    Each directory precedes its strips, so that readers find the first one at once; it is rewritten
    when the lengths of the strips are known. Each page has the ICC profile of its own; the
    resolution goes to all pages, other metadata to the first one.

    Source: TIFF 6.0, sections 8 and 14; Adobe's TIFF technical note 2 (deflate); BigTIFF.
    """
    big = sum(page.nbytes for page in pages) > _CLASSIC_BYTES
    header = _BIG_HEADER if big else _HEADER
    file = Spool()
    file.write(header)
    link = None
    for samples, icc in zip(pages, profiles, strict=True):
        described = replace(metadata, icc=icc)
        position = file.size
        if link is not None:
            file.overwrite(link, struct.pack("<Q" if big else "<I", position))
        counts = [0] * math.ceil(samples.shape[0] / _rows_per_strip(samples))
        tags = _directory(samples, counts, header, described, first=link is None)
        file.write(tags.tobytes(position))
        for index, strip in enumerate(_strips(samples)):
            counts[index] = len(strip)
            file.write(strip)
        tags = _directory(samples, counts, header, described, first=link is None)
        file.overwrite(position, tags.tobytes(position))
        file.write(b"\0" * (file.size % 2))
        # The link to the next page follows the entries.
        link = position + (8 + 20 * len(tags) if big else 2 + 12 * len(tags))
    return file.finish()


def _strips(samples: Samples) -> Iterator[bytes]:
    height, width, channels = samples.shape
    step = _rows_per_strip(samples)
    for top in range(0, height, step):
        part = samples.rows(top, top + step)
        differences = part.copy()
        np.subtract(part[:, 1:], part[:, :-1], out=differences[:, 1:])
        little = differences.astype(samples.dtype.newbyteorder("<"), copy=False)
        yield isal_zlib.compress(little.reshape(-1, width * channels), 1)


def _rows_per_strip(samples: Samples) -> int:
    rows: int = samples.shape[0]
    return min(rows, max(1, _STRIP_BYTES // (samples.nbytes // rows)))


def _directory(
    samples: Samples, counts: Sequence[int], header: bytes, metadata: Metadata, *, first: bool
) -> ImageFileDirectory_v2:
    """Build the directory of a page. Its length does not depend on the counts.

    Args:
        samples: the page.
        counts: length of each strip in bytes.
        header: header of the file; selects classic TIFF or BigTIFF.
        metadata: metadata of the page.
        first: True for the first page.
    """
    height, width, channels = samples.shape
    # Relative to the end of the tags; Pillow adds their position when it serialises them.
    offsets = [0, *np.cumsum(counts[:-1]).tolist()]
    tags = ImageFileDirectory_v2(header)
    tags.tagtype[_OFFSETS] = tags.tagtype[_COUNTS] = _LONG8 if header == _BIG_HEADER else _LONG
    tags[_WIDTH], tags[_HEIGHT] = width, height
    tags[_BITS] = (samples.dtype.itemsize * 8,) * channels
    tags[_COMPRESSION], tags[_PREDICTOR] = _DEFLATE, _DIFFERENCES
    tags[_PHOTOMETRIC] = _RGB if channels >= 3 else _GREY
    tags[_SAMPLES], tags[_ROWS] = channels, _rows_per_strip(samples)
    tags[_OFFSETS], tags[_COUNTS] = tuple(offsets), tuple(counts)
    if channels in (2, 4):
        tags[_EXTRA] = _STRAIGHT_ALPHA
    _describe(tags, metadata, first=first)
    return tags


def _describe(tags: ImageFileDirectory_v2, metadata: Metadata, *, first: bool) -> None:
    """Add the metadata: ICC profile and resolution, for the first page also XMP and EXIF."""
    if metadata.icc is not None:
        tags.tagtype[_ICC] = _UNDEFINED
        tags[_ICC] = metadata.icc
    if metadata.dpi is not None:
        tags[exif.X_RESOLUTION], tags[exif.Y_RESOLUTION] = metadata.dpi
        tags[exif.RESOLUTION_UNIT] = _INCH
    if not first:
        return
    for tag, body in ((exif.IPTC, metadata.iptc), (exif.PHOTOSHOP, metadata.photoshop)):
        if body is not None:
            tags.tagtype[tag] = _UNDEFINED
            tags[tag] = body
    if metadata.xmp is not None:
        tags.tagtype[_XMP] = _BYTE
        tags[_XMP] = metadata.xmp
    for tag, value in exif.as_tags(metadata.exif).items():
        if tag not in tags:
            tags[tag] = value
