"""TIFF: descriptive tags of each page, and the names of what is dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sr_core.errors import ImageError
from sr_core.imaging.codecs.source import Source
from sr_core.imaging.codecs.tags import exif, exif_block
from sr_core.imaging.codecs.tags.directory import Directory, TagFile
from sr_core.imaging.codecs.tags.elsewhere import nikon_preview_bytes
from sr_core.imaging.codecs.tags.tree import EXIF_DIRECTORY, read
from sr_core.imaging.codecs.tiff.layout import C2PA, is_manifest, page_directories
from sr_core.imaging.metadata import Losses, Metadata, photoshop
from sr_core.imaging.metadata.maker_notes import MAKER_NOTE

XMP, IPTC, PHOTOSHOP, ICC = 0x2BC, 0x83BB, 0x8649, 0x8773
_KEPT_APART = frozenset({XMP, IPTC, PHOTOSHOP, ICC})
LARGE_OR_FALSE = {
    0x14A: "further pictures in a page (SubIFDs)",
    0x935C: "layers of Photoshop",
    0x830E: "size of pixels on the ground (GeoTIFF)",
    0x8482: "position on the ground (GeoTIFF)",
    0x85D8: "position on the ground (GeoTIFF)",
    C2PA: "C2PA manifest",
}
"""Tags that are dropped and named."""
STRUCTURE = frozenset(
    {0xFE, 0xFF, 0x100, 0x101, 0x102, 0x103, 0x106, 0x107, 0x108, 0x109, 0x10A, 0x111, 0x112}
    | {0x115, 0x116, 0x117, 0x118, 0x119, 0x11C, 0x120, 0x121, 0x122, 0x123, 0x124, 0x125, 0x12D}
    | {0x13D, 0x140, 0x141, 0x142, 0x143, 0x144, 0x145, 0x14C, 0x150, 0x152, 0x153, 0x154}
    | {0x155, 0x15B, 0x200, 0x201, 0x202, 0x203, 0x205, 0x206, 0x207, 0x208, 0x209, 0x211, 0x212}
    | {0x213, 0x214}
)
"""Tags that describe how a TIFF stores its samples; they would be wrong in another file."""
NOT_IN_EXIF = STRUCTURE | _KEPT_APART | frozenset(LARGE_OR_FALSE)
"""Tags of a page that are no part of its EXIF block."""
_LONG = 4
_IIM = 0x1C


def metadata(source: Source, notes: list[str]) -> Metadata:
    """Collect the metadata of all pages; name everything that is dropped."""
    tags, losses = TagFile(source), Losses()
    directories, others = page_directories(tags)
    pages = [
        _page(tags, directory, losses, first=number == 0)
        for number, (_, directory) in enumerate(directories)
    ]
    for directory in filter(is_manifest, tags.chain()):
        losses.add(LARGE_OR_FALSE[C2PA], directory.entries[C2PA].length)
    notes += losses.warnings()
    if others:
        notes.append(f"dropped: reduced copies or masks of pages, {others}")
    return with_later(pages)


def with_later(pages: Sequence[Metadata]) -> Metadata:
    """Return the metadata of the first page with that of the others."""
    return replace(pages[0], later=tuple(pages[1:]))


def _page(tags: TagFile, directory: Directory, losses: Losses, *, first: bool) -> Metadata:
    for tag, name in LARGE_OR_FALSE.items():
        if tag in directory.entries:
            losses.add(name, directory.entries[tag].length)
    tree = read(tags, directory, NOT_IN_EXIF, losses)
    note = tree.tag(EXIF_DIRECTORY, MAKER_NOTE)
    if note is not None and (preview := nikon_preview_bytes(tags, note)):
        losses.add("preview that the maker note refers to", preview)
    if note is not None and not first:
        tree = exif_block.movable(tree, losses)
    iptc = _iptc(tags, directory, losses)
    data = _value(tags, directory, PHOTOSHOP, losses)
    turned = tags.number(directory, exif.ORIENTATION, 1) != 1
    resources = photoshop.read(data or b"", losses, turned=turned)
    if iptc is not None and resources.iptc not in (None, iptc, iptc.rstrip(b"\0")):
        losses.add("second IPTC block", len(resources.iptc or b""))
    return Metadata(
        exif_block.block_of(tree, losses),
        _value(tags, directory, XMP, losses),
        dpi=exif.resolution(tags, directory),
        iptc=iptc or resources.iptc,
        photoshop=resources.others,
    )


def _value(tags: TagFile, directory: Directory, tag: int, losses: Losses) -> bytes | None:
    entry = directory.entries.get(tag)
    if entry is None:
        return None
    try:
        return tags.value(entry)
    except ImageError:
        losses.add(f"tag {tag}, which is damaged or too long", entry.length)
        return None


def _iptc(tags: TagFile, directory: Directory, losses: Losses) -> bytes | None:
    """Return the IPTC data. Some writers of LONG swap its bytes, as if it were numbers."""
    data = _value(tags, directory, IPTC, losses)
    if data is None or directory.entries[IPTC].type != _LONG or data[0] == _IIM:
        return data
    swapped = b"".join(data[at : at + 4][::-1] for at in range(0, len(data), 4))
    return swapped if swapped[0] == _IIM else data
