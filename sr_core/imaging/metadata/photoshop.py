"""Photoshop image resources, the container of IPTC in JPEG and of settings in TIFF.

Source: Adobe Photoshop File Formats Specification, "Image Resource Blocks".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from sr_core.imaging.metadata.losses import Losses

IPTC = 0x0404
_SIGNATURES = frozenset({b"8BIM", b"8BPS", b"AgHg", b"DCSR", b"MeSa", b"PHUT"})
_CARRIED_ELSEWHERE = frozenset({0x040F, 0x0422, 0x0423, 0x0424})  # copies of ICC, EXIF and XMP
_PATHS = range(2000, 2999)
_ABOUT_OLD_PIXELS = {
    0x0400: "channel and layer counts of Photoshop",
    0x0402: "layer groups of Photoshop",
    0x0406: "JPEG quality of Photoshop",
    0x0408: "guides of Photoshop",
    0x0409: "thumbnail of Photoshop",
    0x040C: "thumbnail of Photoshop",
    0x041A: "slices of Photoshop",
}


class Resource(NamedTuple):
    """One image resource."""

    number: int
    name: bytes
    data: bytes
    signature: bytes = b"8BIM"


class Resources(NamedTuple):
    """The image resources of a file that its output keeps."""

    iptc: bytes | None
    others: bytes | None


def read(data: bytes, losses: Losses, *, turned: bool = False) -> Resources:
    """Take IPTC out of image resources, and drop those that describe the old pixels.

    Args:
        data: image resources, one after another.
        losses: receives what is dropped.
        turned: True if the picture is turned or mirrored: its paths are then wrong.
    """
    iptc, kept = [], []
    for each in _parsed(data, losses):
        if each.number == IPTC and each.signature == b"8BIM":
            iptc.append(each.data)
        elif each.number in _CARRIED_ELSEWHERE:
            continue
        elif each.number in _ABOUT_OLD_PIXELS:
            losses.add(_ABOUT_OLD_PIXELS[each.number], len(each.data))
        elif turned and each.number in _PATHS:
            losses.add("paths of Photoshop, since the picture is turned", len(each.data))
        else:
            kept.append(serialised(each))
    for extra in iptc[1:]:
        losses.add("second IPTC block", len(extra))
    return Resources(iptc[0] if iptc else None, b"".join(kept) or None)


def serialised(resource: Resource) -> bytes:
    """Return the bytes of one resource; name and data are padded to an even length."""
    name = bytes([len(resource.name)]) + resource.name
    head = resource.signature + struct.pack(">H", resource.number) + name + bytes(len(name) % 2)
    size = len(resource.data)
    return head + struct.pack(">I", size) + resource.data + bytes(size % 2)


def with_iptc(iptc: bytes | None, others: bytes | None) -> bytes:
    """Return image resources that include IPTC; empty if there are none."""
    first = b"" if iptc is None else serialised(Resource(IPTC, b"", iptc))
    return first + (others or b"")


def _parsed(data: bytes, losses: Losses) -> Iterator[Resource]:
    position = 0
    while position + 12 <= len(data) and data[position : position + 4] in _SIGNATURES:
        number = int.from_bytes(data[position + 4 : position + 6], "big")
        length = data[position + 6]
        name = data[position + 7 : position + 7 + length]
        start = position + 7 + length + (length + 1) % 2
        size = int.from_bytes(data[start : start + 4], "big")
        end = start + 4 + size
        if end > len(data):
            break
        yield Resource(number, name, data[start + 4 : end], data[position : position + 4])
        position = end + size % 2
    rest = data[position:]
    if rest.strip(b"\0"):
        losses.add("damaged Photoshop resources", len(rest))
