"""PNG: fast writing, strip by strip."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from sr_core.imaging.codecs.png.metadata import comment_chunk, raw_profile_chunk
from sr_core.imaging.codecs.samples import Samples
from sr_core.imaging.codecs.source import METRES_PER_INCH, PNG_SIGNATURE, PNG_XMP
from sr_core.imaging.metadata import Metadata, photoshop
from sr_core.scratch import Blob, Spool

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # by channels
_STRIP_BYTES = 1 << 20
_UNSTATED = {0, 2}  # code points: reserved, unspecified


def encode(samples: Samples, metadata: Metadata) -> Blob:
    """Write (H, W, 1..4) uint8 or uint16 with the up filter and ISA-L's deflate, strip by strip.

    Raises: OverflowError if the compressed picture does not fit the format.
    Source: PNG specification, third edition; the filter is type 2 of section 9.
    """
    height, width, channels = samples.shape
    depth = samples.dtype.itemsize * 8
    head = struct.pack(">IIBBBBB", width, height, depth, _COLOUR_TYPES[channels], 0, 0, 0)
    file = Spool()
    file.write(PNG_SIGNATURE, *_chunk(b"IHDR", head))
    points = metadata.code_points
    if points is not None and not _UNSTATED & {points.primaries, points.transfer}:
        file.write(*_chunk(b"cICP", bytes((points.primaries, points.transfer, 0, 1))))
    if metadata.icc is not None:
        file.write(*_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc)))
    if metadata.dpi is not None:
        wide, high = (min(1 << 31, round(value / METRES_PER_INCH)) for value in metadata.dpi)
        file.write(*_chunk(b"pHYs", struct.pack(">IIB", wide, high, 1)))
    if metadata.exif is not None:
        file.write(*_chunk(b"eXIf", metadata.exif))
    if metadata.xmp is not None:
        file.write(*_chunk(b"iTXt", PNG_XMP + b"\0\0\0\0\0" + metadata.xmp))
    resources = photoshop.with_iptc(metadata.iptc, metadata.photoshop)
    if resources:
        file.write(*_chunk(*raw_profile_chunk(b"iptc", resources)))
    if metadata.modified is not None:
        file.write(*_chunk(b"tIME", metadata.modified))
    for kind, body in (*metadata.text, *map(comment_chunk, metadata.comments)):
        file.write(*_chunk(kind, body))
    compressor = isal_zlib.compressobj(1)
    for strip in _filtered(samples):
        file.write(*_chunk(b"IDAT", compressor.compress(strip)))
    file.write(*_chunk(b"IDAT", compressor.flush()), *_chunk(b"IEND", b""))
    return file.finish()


def _filtered(samples: Samples) -> Iterator[NDArray[np.uint8]]:
    """Yield strips of rows: each row is its filter type and its difference from the row above.

    All strips share one buffer; use each before taking the next.
    """
    height, width, channels = samples.shape
    row_bytes = width * channels * samples.dtype.itemsize
    step = max(1, _STRIP_BYTES // row_bytes)
    above = np.zeros(row_bytes, np.uint8)
    strip = np.empty((step, row_bytes + 1), np.uint8)
    strip[:, 0] = 2
    for top in range(0, height, step):
        part = samples.rows(top, top + step)
        part = part.reshape(len(part), -1)
        part = (part.astype(">u2") if part.dtype == np.uint16 else part).view(np.uint8)
        np.subtract(part[0], above, out=strip[0, 1:])
        np.subtract(part[1:], part[:-1], out=strip[1 : len(part), 1:])
        above = part[-1]
        yield strip[: len(part)]


def _chunk(kind: bytes, body: bytes) -> tuple[bytes, ...]:
    """Frame a chunk as length and kind, body, and checksum; nothing for an empty IDAT."""
    if not body and kind == b"IDAT":
        return ()
    check = isal_zlib.crc32(body, isal_zlib.crc32(kind))
    return struct.pack(">I", len(body)) + kind, body, struct.pack(">I", check)
