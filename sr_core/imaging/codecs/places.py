"""Positions where a photograph was taken, removed from its metadata on request.

Names of places (IPTC, XMP, maker notes of some cameras) are no positions and stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from sr_core.errors import ImageError
from sr_core.imaging.codecs.tags.removal import without_gps
from sr_core.imaging.metadata import Losses, Metadata, TextChunk, xmp, xmp_places

_PLACE = re.compile(r"gps|latitude|longitude|geo:", re.IGNORECASE)
_OPAQUE = ("Raw profile type", "XML:com.adobe.xmp")
"""Keywords of PNG text that may hold EXIF data or XMP."""
_KEYWORD = b"\x1c\x02\x19"
"""Start of a keyword in IPTC-IIM: tag marker, record 2, dataset 25."""


def without_places(metadata: Metadata) -> Metadata:
    """Remove positions; a block in which they cannot be isolated is dropped as a whole."""
    block = metadata.exif
    if block is not None:
        try:
            block = without_gps(block)
        except ImageError:
            block = None
    main, extended = (
        None if packet is None else xmp_places.without_places(packet)
        for packet in (metadata.xmp, metadata.extended_xmp)
    )
    if main is not None and extended is None:
        main = xmp.without_extension(main)
    return replace(
        metadata,
        exif=block,
        xmp=main,
        extended_xmp=extended,
        iptc=None if metadata.iptc is None else _without_geotags(metadata.iptc),
        text=tuple(chunk for chunk in metadata.text if not _may_hold_place(chunk)),
        later=tuple(without_places(page) for page in metadata.later),
    )


def losses(metadata: Metadata) -> list[str]:
    """List what is dropped as a whole, since a position cannot be isolated in it."""
    kept, found = without_places(metadata), Losses()
    pairs = zip((metadata, *metadata.later), (kept, *kept.later), strict=True)
    for before, after in pairs:
        for name, block, left in (
            ("EXIF data", before.exif, after.exif),
            ("XMP", before.xmp, after.xmp),
            ("extended XMP", before.extended_xmp, after.extended_xmp),
        ):
            if block is not None and left is None:
                found.add(f"{name} whose GPS position cannot be isolated", len(block))
        for chunk in sorted(set(before.text) - set(after.text)):
            found.add(f"PNG text that may hold a position ({chunk.keyword})", len(chunk.body))
    return found.warnings()


def _may_hold_place(chunk: TextChunk) -> bool:
    return bool(_PLACE.search(chunk.keyword)) or chunk.keyword.startswith(_OPAQUE)


def _without_geotags(iptc: bytes) -> bytes:
    """Remove keywords such as geo:lat=48.1, the machine tags of photo communities."""
    return b"".join(
        dataset
        for dataset in _datasets(iptc)
        if not (dataset.startswith(_KEYWORD) and dataset[5:].lower().startswith(b"geo:"))
    )


def _datasets(iptc: bytes) -> Iterator[bytes]:
    """Yield the datasets of IPTC-IIM; from the first long or damaged one on, all bytes together.

    Source: IPTC-IIM 4.2, section 1.5.
    """
    position = 0
    while position + 5 <= len(iptc) and iptc[position] == 0x1C and not iptc[position + 3] & 0x80:
        end = position + 5 + int.from_bytes(iptc[position + 3 : position + 5], "big")
        yield iptc[position:end]
        position = end
    yield iptc[position:]
