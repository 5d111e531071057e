"""JPEG: damage told from oddities, and the part of a damaged picture that can be decoded."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from sr_core import scratch
from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs.jpeg.stream import BLOCK_PX, Stream
from sr_core.imaging.codecs.raster import Damage
from sr_core.imaging.pixels import Pixels
from sr_core.scratch import Blob

# Padding after a scan. Some cameras write it; a damaged scan can leave it as well.
_PADDING = re.compile(r"(\d+) extraneous bytes before marker 0x([0-9a-f]{2})")
_END_MARKER = 0xD9
_RESTARTS = range(0xD0, 0xD8)


class Decoded(NamedTuple):
    """A decoded picture, and what is odd or missing."""

    samples: Pixels
    warnings: tuple[str, ...] = ()
    damage: Damage | None = None


Decode = Callable[[Blob, int, bool], Pixels]
"""Decodes a file of a height in pixels; if strict, raises ValueError for any warning of libjpeg."""


def decoded(stream: Stream, decode: Decode) -> Decoded:
    """Decode a picture, or the part of it that is not damaged.

    Args:
        stream: the picture.
        decode: the decoder.

    Raises: ImageError if nothing can be decoded.
    """
    stream, samples, complaint = _without_padding(stream, decode)
    remarks = list(stream.remarks)
    padding = _PADDING.search(complaint)
    marker = int(padding[2], 16) if padding else 0
    harmless = marker == _END_MARKER or (marker in _RESTARTS and stream.ended)
    if complaint and not harmless:
        return _part(stream, decode, complaint)
    if not stream.ended and stream.complete() < 1:
        return _part(stream, decode, "the file ends before its last scan")
    if complaint and stream.ended:
        remarks.append(f"it may be damaged ({complaint})")
    if not stream.ended:
        remarks.append("no end marker after the last row")
    if samples is None:
        samples = decode(stream.file(), stream.height, False)
    warnings = (f"the JPEG is odd, but whole: {'; '.join(remarks)}",) if remarks else ()
    return Decoded(samples, warnings)


def _without_padding(stream: Stream, decode: Decode) -> tuple[Stream, Pixels | None, str]:
    """Leave out padding after each scan, because libjpeg would warn of nothing after it.

    Returns: the stream, its samples if there is no warning, and the first warning.
    """
    samples, complaint = _attempt(stream.file(), stream.height, decode)
    if not _PADDING.search(complaint) or _is_good(complaint):
        return stream, samples, complaint
    for index in range(len(stream.scans)):
        _, of_scan = _attempt(stream.file(index + 1), stream.height, decode)
        padding = _PADDING.search(of_scan)
        if padding and _is_good(of_scan):
            stream = stream.without_padding(index, int(padding[1]))
        elif of_scan:
            return stream, None, of_scan
    return stream, *_attempt(stream.file(), stream.height, decode)


def _attempt(file: Blob, height: int, decode: Decode) -> tuple[Pixels | None, str]:
    """Decode strictly; return the samples, or the first complaint."""
    try:
        found = decode(file, height, True)
    except ValueError as error:
        return None, str(error)
    return found, ""


def _part(stream: Stream, decode: Decode, complaint: str) -> Decoded:
    """Decode the scans before the first damaged one, or else the rows of it before the damage."""
    reason = f"the JPEG is damaged: {complaint}"
    scans = _last_good(
        len(stream.scans),
        lambda count: _is_good(_attempt(stream.file(count), stream.height, decode)[1]),
    )
    if scans:
        samples = decode(stream.file(scans), stream.height, False)
        share = stream.complete(scans)
        reason = f"{reason}; {scans} of {len(stream.scans)} scans or more can be decoded"
        return Decoded(samples, damage=Damage(reason, detail=min(share, 0.99)))
    step = BLOCK_PX * max((each.high for each in stream.components), default=1)
    rows = step * _last_good(
        -(-stream.height // step) - 1,
        lambda count: _is_good(_attempt(stream.top(count * step), count * step, decode)[1]),
    )
    if not rows:
        raise ImageError(ErrorClass.DECODE, f"{reason}; nothing of it can be decoded")
    top = decode(stream.top(rows), rows, False)
    samples = scratch.empty((stream.height, *top.shape[1:]), top.dtype)
    samples[:rows] = top
    box = (rows, stream.height, 0, samples.shape[1])
    return Decoded(samples, damage=Damage(reason, (box,), stream.complete(1)))


def _is_good(complaint: str) -> bool:
    padding = _PADDING.search(complaint)
    return not complaint or (padding is not None and int(padding[2], 16) == _END_MARKER)


def _last_good(most: int, good: Callable[[int], bool]) -> int:
    """Return the largest number up to `most` that is good, if all below a good one are; or 0."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if good(middle) else (low, middle - 1)
    return low
