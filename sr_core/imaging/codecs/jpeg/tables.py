"""The compression of a JPEG file, from its quantisation tables and sampling factors."""

from __future__ import annotations

import numpy as np

from sr_core.errors import SrfleetError
from sr_core.imaging.codecs.source import Source, jpeg_segments
from sr_core.imaging.evidence import JpegEvidence
from sr_core.scratch import Blob

_STANDARD_SUM = 3688
"""Sum of the standard's luma table, which stands for quality 50.

Source: ITU-T T.81, table K.1."""


def jpeg_evidence(data: Blob) -> JpegEvidence | None:
    """Read quality and sampling; None if the file is not a JPEG, or its tables are missing."""
    if bytes(data[:2]) != b"\xff\xd8":
        return None
    tables: dict[int, int] = {}
    frame = b""
    try:
        source = Source(data)
        for kind, start, length in jpeg_segments(source):
            if kind == b"\xdb":
                tables |= _table_sums(source.take(start, length))
            elif 0xC0 <= kind[0] <= 0xCF and kind not in b"\xc4\xc8\xcc":
                frame = source.take(start, length)
        return JpegEvidence(_quality(tables[frame[8]]), _sampling(frame))
    except (SrfleetError, LookupError):
        return None


def _table_sums(body: bytes) -> dict[int, int]:
    """Return the sums of the quantisation tables of one segment, by table number."""
    sums: dict[int, int] = {}
    while body:
        precision, number = body[0] >> 4, body[0] & 15
        kind = np.dtype(">u2" if precision else "u1")
        values = np.frombuffer(body, kind, min(64, (len(body) - 1) // kind.itemsize), 1)
        sums[number] = int(values.sum())
        body = body[1 + 64 * kind.itemsize :]
    return sums


def _quality(table_sum: int) -> int:
    """Return the quality at which libjpeg scales the standard's table to a sum.

    Source: libjpeg, jcparam.c, jpeg_quality_scaling.
    """
    percent = 100 * table_sum / _STANDARD_SUM
    quality = (200 - percent) / 2 if percent <= 100 else 5000 / percent
    return int(min(100, max(1, round(quality))))


def _sampling(frame: bytes) -> str:
    """Name the sampling of colour from a frame header, as horizontal and vertical factors say."""
    if frame[5] < 3:
        return "grey"
    across, down = ((frame[7] >> shift & 15) / max(1, frame[10] >> shift & 15) for shift in (4, 0))
    names = {(1, 1): "4:4:4", (2, 1): "4:2:2", (2, 2): "4:2:0", (1, 2): "4:4:0", (4, 1): "4:1:1"}
    return names.get((int(across), int(down)), f"{across:g}x{down:g}")
