"""Metadata adapted to the decoded pixels, which are upright."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from sr_core.errors import ImageError
from sr_core.imaging.codecs.tags import exif, exif_pixels
from sr_core.imaging.codecs.tags.elsewhere import has_decision_data
from sr_core.imaging.metadata import Metadata, xmp, xmp_exif, xmp_pixels


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
            if has_decision_data(block):
                notes.append(
                    "dropped: original decision data that the maker note of Canon refers to"
                )
            block = exif.upright(block)
        except ImageError as error:
            notes.append(f"dropped: EXIF data that cannot be read: {error.message}")
            block = None
    stored = size_px[::-1] if size_px is not None and turn >= 5 else size_px
    if block is not None and stored is not None:
        with suppress(ImageError):  # places in a damaged directory stay as they are
            block = exif_pixels.turned(block, turn, *stored)
    if dpi is not None and not all(exif.MIN_DPI < value < exif.MAX_DPI for value in dpi):
        notes.append(f"dropped: impossible resolution, {dpi[0]:g}x{dpi[1]:g} dpi")
        dpi = None
    main, extended = (
        _kept_xmp(packet, turn, stored, notes) for packet in (raw.xmp, raw.extended_xmp)
    )
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
        as_srgb(page) if change else page for page, change in zip(pages, converted, strict=False)
    )


def as_srgb(metadata: Metadata) -> Metadata:
    """Return the metadata of pixels that were converted to sRGB, without the profile's name."""
    block, main, extended = metadata.exif, metadata.xmp, metadata.extended_xmp
    return replace(
        metadata,
        exif=None if block is None else exif.as_srgb(block),
        xmp=None if main is None else xmp_exif.as_srgb(main),
        extended_xmp=None if extended is None else xmp_exif.as_srgb(extended),
    )


def _kept_xmp(
    packet: bytes | None, orientation: int, stored_px: tuple[int, int] | None, notes: list[str]
) -> bytes | None:
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
    return exif.xmp_upright(xmp_pixels.upright(kept, orientation, stored_px))
