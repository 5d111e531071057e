"""JPEG: writing; large pictures are compressed in strips."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
import simplejpeg

from sr_core import scratch
from sr_core.imaging.codecs import jpeg_strips
from sr_core.imaging.codecs.formats import Metadata
from sr_core.imaging.codecs.jpeg import EXIF, ICC, XMP
from sr_core.imaging.codecs.samples import Samples
from sr_core.imaging.pixels import Pixels
from sr_core.scratch import Blob, Spool

_LARGEST_SEGMENT = 65_533
_JFIF_BYTES = 20
"""Length of the start marker and the JFIF segment, with which simplejpeg's files begin."""


def encode(samples: Samples, quality: int, metadata: Metadata) -> Blob:
    """Write (H, W, 1 | 3) uint8 without chroma subsampling; metadata that does not fit is dropped.

    Source: ITU-T T.871 (JFIF), EXIF 2.32 section 4.5, ICC.1:2022 annex B.4, XMP part 3.
    """
    height, width, _ = samples.shape
    step = jpeg_strips.rows_per_strip(width) if samples.nbytes > scratch.limit_bytes else height
    strips = (_compressed(samples.rows(top, top + step), quality) for top in range(0, height, step))
    parts = jpeg_strips.join(strips, height)
    head = bytes(next(parts))
    start = head[:_JFIF_BYTES]
    file = Spool()
    file.write(start if metadata.dpi is None else _with_density(start, metadata.dpi))
    file.write(*_segments(metadata), head[_JFIF_BYTES:])
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


def _segments(metadata: Metadata) -> Iterator[bytes]:
    for body in _blocks(metadata).values():
        if len(body) <= _LARGEST_SEGMENT:
            yield _segment(b"\xe1", body)
    icc = metadata.icc or b""
    room = _LARGEST_SEGMENT - 14
    parts = [icc[at : at + room] for at in range(0, len(icc), room)]
    if len(parts) < 256:
        for number, part in enumerate(parts, 1):
            yield _segment(b"\xe2", ICC + bytes([number, len(parts)]) + part)


def losses(metadata: Metadata) -> list[str]:
    """List the metadata that is too long for a JPEG segment, as warnings for the image's row."""
    return [
        f"{name} data of {len(body)} bytes does not fit into JPEG and was dropped"
        for name, body in _blocks(metadata).items()
        if len(body) > _LARGEST_SEGMENT
    ]


def _blocks(metadata: Metadata) -> dict[str, bytes]:
    blocks = {"EXIF": (EXIF, metadata.exif), "XMP": (XMP, metadata.xmp)}
    return {name: prefix + body for name, (prefix, body) in blocks.items() if body is not None}


def _segment(kind: bytes, body: bytes) -> bytes:
    return b"\xff" + kind + struct.pack(">H", len(body) + 2) + body


def _with_density(start: bytes, dpi: tuple[float, float]) -> bytes:
    """Set the resolution in the JFIF segment at the start."""
    wide, high = (min(65_535, max(1, round(value))) for value in dpi)
    return start[:13] + struct.pack(">BHH", 1, wide, high) + start[18:]
