"""Metadata adapted to the decoded pixels, which are upright."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from sr_core.errors import ImageError
from sr_core.imaging.codecs.tags import exif, exif_pixels
from sr_core.imaging.metadata import Metadata, xmp, xmp_pixels


def kept(raw: Metadata, size_px: tuple[int, int] | None, turn: int, notes: list[str]) -> Metadata:
    """Adapt the metadata to the decoded pixels, which are upright.

    Args:
        raw: metadata of the file.
        size_px: size of the upright picture, (width, height), if positions refer to it.
        turn: the orientation that was applied.
        notes: receives warnings.
    """
    block, dpi, thumbnail = raw.exif, raw.dpi, 0
    if block is not None:
        try:
            dpi = dpi or exif.resolution_of(block)
            before = block
            block, thumbnail = exif_pixels.without_thumbnail(block)
            if block != before and not thumbnail:
                notes.append("dropped: tags of an EXIF thumbnail that is missing or damaged")
            block = exif.upright(block)
        except ImageError as error:
            notes.append(f"the EXIF data cannot be read and was dropped: {error.message}")
            block = None
    if block is not None and size_px is not None:
        stored = size_px[::-1] if turn >= 5 else size_px
        with suppress(ImageError):  # places in a damaged directory stay as they are
            block = exif_pixels.turned(block, turn, *stored)
    if dpi is not None and not all(exif.MIN_DPI < value < exif.MAX_DPI for value in dpi):
        notes.append(f"an impossible resolution of {dpi[0]:g}x{dpi[1]:g} dpi was dropped")
        dpi = None
    main, extended = (_kept_xmp(packet, turn, notes) for packet in (raw.xmp, raw.extended_xmp))
    return replace(
        raw,
        exif=block,
        xmp=main,
        extended_xmp=extended,
        dpi=dpi,
        size_px=size_px,
        thumbnail_bytes=thumbnail,
    )


def later(
    raw: tuple[Metadata, ...], converted: list[bool], notes: list[str]
) -> tuple[Metadata, ...]:
    """Adapt the metadata of the pages after the first."""
    pages = [kept(page, None, 1, notes) for page in raw]
    return tuple(
        replace(page, exif=exif.as_srgb(page.exif)) if change and page.exif is not None else page
        for page, change in zip(pages, converted, strict=False)
    )


def _kept_xmp(packet: bytes | None, orientation: int, notes: list[str]) -> bytes | None:
    if packet is None:
        return None
    packet = xmp.as_utf_8(packet)
    kept = xmp.without_parts_of_file(packet)
    if len(kept) < len(packet):
        size = len(packet) - len(kept)
        notes.append(
            "dropped: XMP about parts of the old file (motion photo, gain map, further pictures, "
            f"thumbnails, digests), {size} bytes"
        )
    if orientation == 1:  # XMP alone turns no picture; what it says stays
        return kept
    return exif.xmp_upright(xmp_pixels.upright(kept, orientation))
