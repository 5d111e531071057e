"""JPEG: segments of metadata, and what does not fit into them.

Source: ITU-T T.871 (JFIF), EXIF 2.32 section 4.5, ICC.1:2022 annex B.4, XMP specification part 3,
Adobe Photoshop File Formats Specification.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator

from sr_core.imaging.codecs.jpeg.metadata import (
    APP1,
    APP2,
    APP13,
    COMMENT,
    EXIF,
    ICC,
    PHOTOSHOP,
    XMP,
    XMP_EXTENSION,
)
from sr_core.imaging.metadata import Metadata, photoshop, xmp

_LARGEST = 65_533
XMP_ROOM = 65_502 - len(XMP)
_EXTENSION_ROOM = 65_000
_MOST_EXIF = 16 << 20


def segments(metadata: Metadata) -> Iterator[bytes]:
    """Yield the marker segments of metadata, in the order that readers expect."""
    block = metadata.exif
    if block is not None and len(block) <= _MOST_EXIF:
        yield from _several(APP1, EXIF, block)
    packets = _packets(metadata)
    if packets is not None:
        yield _segment(APP1, XMP + packets.main)
        yield from _extension(packets.extended)
    resources = photoshop.with_iptc(metadata.iptc, metadata.photoshop)
    yield from _several(APP13, PHOTOSHOP, resources)
    yield from _profile(metadata.icc or b"")
    for comment in metadata.comments:
        if len(comment) <= _LARGEST:
            yield _segment(COMMENT, comment)


def losses(metadata: Metadata) -> list[str]:
    """List what JPEG cannot hold or few programs read, as warnings for the image's row."""
    found = []
    block = metadata.exif
    if block is not None and len(block) > _MOST_EXIF:
        found.append(f"dropped: EXIF data that does not fit into JPEG, {len(block)} bytes")
    elif block is not None and len(EXIF + block) > _LARGEST:
        found.append(
            f"EXIF data of {len(block)} bytes was written in several JPEG segments, which few "
            "programs read"
        )
    if metadata.xmp is not None and _packets(metadata) is None:
        size = len(XMP + metadata.xmp)
        found.append(f"dropped: XMP data that does not fit into JPEG, {size} bytes")
    long = [comment for comment in metadata.comments if len(comment) > _LARGEST]
    if long:
        found.append(f"dropped: comment that does not fit into JPEG, {sum(map(len, long))} bytes")
    return found


def _packets(metadata: Metadata) -> xmp.Packets | None:
    """Return the XMP packets as JPEG holds them; None if there are none or they do not fit."""
    if metadata.xmp is None:
        return None
    if metadata.extended_xmp is None:
        return xmp.split(metadata.xmp, XMP_ROOM)
    packets = xmp.refer(xmp.Packets(metadata.xmp, metadata.extended_xmp))
    if len(packets.main) <= XMP_ROOM:
        return packets
    whole = xmp.merged(packets)
    return None if whole is None else xmp.split(whole, XMP_ROOM)


def _extension(packet: bytes | None) -> Iterator[bytes]:
    if packet is None:
        return
    digest = hashlib.md5(packet, usedforsecurity=False).hexdigest().upper().encode()
    for offset in range(0, len(packet), _EXTENSION_ROOM):
        head = XMP_EXTENSION + digest + struct.pack(">II", len(packet), offset)
        yield _segment(APP1, head + packet[offset : offset + _EXTENSION_ROOM])


def _several(kind: bytes, prefix: bytes, body: bytes) -> Iterator[bytes]:
    room = _LARGEST - len(prefix)
    for start in range(0, len(body), room):
        yield _segment(kind, prefix + body[start : start + room])


def _profile(icc: bytes) -> Iterator[bytes]:
    room = _LARGEST - len(ICC) - 2
    parts = [icc[at : at + room] for at in range(0, len(icc), room)]
    if len(parts) < 256:
        for number, part in enumerate(parts, 1):
            yield _segment(APP2, ICC + bytes([number, len(parts)]) + part)


def _segment(kind: bytes, body: bytes) -> bytes:
    return b"\xff" + kind + struct.pack(">H", len(body) + 2) + body
