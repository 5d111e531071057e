"""The mark in the metadata of a picture, and in the file of a copy of its source."""

from __future__ import annotations

import zlib
from dataclasses import replace

from sr_core.imaging.codecs.jpeg.segments import XMP_ROOM
from sr_core.imaging.codecs.source import Source, png_chunks
from sr_core.imaging.metadata import Losses, Mark, Metadata, xmp, xmp_mark
from sr_core.imaging.metadata.mark import source_field
from sr_core.records import ENHANCED
from sr_core.scratch import Blob, Spool

_ANY_MARK = Mark(ENHANCED, "", "", None, "")
_CRC_BYTES = 4


def with_mark(
    metadata: Metadata,
    mark: Mark | None,
    format: str,  # noqa: A002
    losses: Losses,
    *,
    pages: int,
) -> Metadata:
    """Write a mark into the XMP of every page, beside what the source's XMP says.

    Args:
        metadata: metadata that the format holds.
        mark: the mark; None for any, to learn what is dropped.
        format: jpeg, png, webp, tiff or jxl.
        losses: receives what is dropped.
        pages: number of pages that are written.
    """
    plain = Metadata(dpi=metadata.dpi)
    later = (*metadata.later, *[plain] * (pages - 1 - len(metadata.later)))[: pages - 1]
    first, *others = (
        _marked(page, mark or _ANY_MARK, index, format, losses)
        for index, page in enumerate((metadata, *later))
    )
    return replace(first, later=tuple(others))


def renamed(data: Blob, format: str, old: Mark, new: Mark) -> Blob:  # noqa: A002
    """Return an output with the mark of another source that has the same bytes.

    Only the name of the source changes, in as many bytes: what would have been written for it.

    Args:
        data: the output of the one source.
        format: its format.
        old: the mark in it.
        new: the mark of the other source.
    """
    before, after = source_field(old), source_field(new)
    place = data.find(before)
    if before == after or place < 0:
        return data
    file = Spool()
    done = 0
    while place >= 0:
        file.write(memoryview(data)[done:place], after)
        done = place + len(before)
        place = data.find(before, done)
    file.write(memoryview(data)[done:])
    if format == "png":
        _repair_checksum(file, data, before, after)
    return file.finish()


def _repair_checksum(file: Spool, data: Blob, before: bytes, after: bytes) -> None:
    """Update the checksums of the chunks whose content changed."""
    for kind, start, length in png_chunks(Source(data)):
        if kind == b"IDAT":
            return
        body = data[start : start + length]
        if before in body:
            check = zlib.crc32(body.replace(before, after), zlib.crc32(kind))
            file.overwrite(start + length, check.to_bytes(_CRC_BYTES, "big"))


def _marked(page: Metadata, mark: Mark, index: int, format: str, losses: Losses) -> Metadata:  # noqa: A002
    packets = None if page.xmp is None else xmp.Packets(page.xmp, page.extended_xmp)
    if packets is not None and format == "jpeg":
        packets = _with_room(packets, losses)
    main, extended = xmp_mark.marked(packets, mark, index, losses)
    return replace(page, xmp=main, extended_xmp=extended)


def _with_room(packets: xmp.Packets, losses: Losses) -> xmp.Packets | None:
    """Move properties to the extended packet if JPEG's main one has no room for the mark.

    None if their structure is not known.
    """
    room = XMP_ROOM - xmp_mark.ROOM
    if len(packets.main) <= room:
        return packets
    whole = xmp.merged(packets)
    split = None if whole is None else xmp.split(whole, room)
    if split is None:
        losses.add(
            "XMP data that does not fit into JPEG", sum(len(each or b"") for each in packets)
        )
    return split
