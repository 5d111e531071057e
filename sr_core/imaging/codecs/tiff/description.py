"""TIFF: descriptive tags of a page as they are written, values byte for byte."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from sr_core.errors import ImageError
from sr_core.imaging.codecs.tags import exif, exif_block
from sr_core.imaging.codecs.tags.removal import without_damaged
from sr_core.imaging.codecs.tags.tree import EXIF_DIRECTORY, Field, Order, Tree, laid_out
from sr_core.imaging.codecs.tiff.metadata import (
    ICC,
    IPTC,
    LARGE_OR_FALSE,
    NOT_IN_EXIF,
    PHOTOSHOP,
    XMP,
)
from sr_core.imaging.metadata import Losses, Metadata
from sr_core.imaging.metadata.maker_notes import MAKER_NOTE, is_self_contained
from sr_core.scratch import Spool

_BYTE, _UNDEFINED = 1, 7
_CLASSIC, _BIG = 42, 43
_BIG_HEADER_BYTES = 16
_FURTHEST_NOTE = 32 << 10
_NOTE_PATH = (EXIF_DIRECTORY, MAKER_NOTE)
_KINDS = {XMP: _BYTE, IPTC: _UNDEFINED, PHOTOSHOP: _BYTE, ICC: _UNDEFINED}
_NAMES = {
    XMP: "second XMP packet",
    IPTC: "second IPTC block",
    PHOTOSHOP: "second Photoshop resources",
    ICC: "ICC profile",
}
_NOT_COPIED = (NOT_IN_EXIF - frozenset(_KINDS)) | {ICC}
"""Tags of an EXIF block that are not copied. Its IPTC, XMP and resources are, if it has the only
ones."""
_RESOLUTION = frozenset({exif.X_RESOLUTION, exif.Y_RESOLUTION, exif.RESOLUTION_UNIT})


@dataclass(frozen=True, slots=True)
class Description:
    """The descriptive tags of a page."""

    order: Order
    """Byte order of the file."""
    fields: tuple[Field, ...]


def losses(metadata: Metadata) -> list[str]:
    """List what is lost of an EXIF block in a TIFF, as warnings for the image's row.

    A block may hold IPTC, XMP, Photoshop resources or a profile beside those of the file; a TIFF
    has one place for each.
    """
    if metadata.exif is None:
        return []
    try:
        tree = exif_block.tree_of(metadata.exif)
    except ImageError:
        return exif_block.damage(metadata.exif)
    found = Losses()
    apart = _apart(metadata)
    for field in tree.fields:
        other = apart.get(field.tag)
        if field.tag in LARGE_OR_FALSE:
            found.add(LARGE_OR_FALSE[field.tag], len(field.value))
        elif field.tag == ICC or (other is not None and other != field.value):
            found.add(f"{_NAMES[field.tag]} in the EXIF data", len(field.value))
    return [*exif_block.damage(metadata.exif), *found.warnings()]


def begin(file: Spool, metadata: Metadata, *, big: bool) -> Description:
    """Write the header of a file, and the metadata of its first page that its directory links to.

    In a classic TIFF the EXIF block is the beginning of the file: every offset in it stays true,
    those in maker notes too.
    """
    block = metadata.exif
    if block is None or not exif_block.is_readable(block):
        order: Order = "<" if big else _order(metadata)
        return described(_started(file, order, big=big), metadata, order, big=big)
    tree = exif_block.tree_of(block, _NOT_COPIED)
    if not big:
        block = without_damaged(block)
        file.write(block, b"\0" * (len(block) % 2))
        links = exif_block.links_of(block, tree)
        return Description(tree.order, _fields(metadata, (*tree.fields, *links), tree.order))
    # Big-endian BigTIFF is what many programs cannot read, Pillow 12 among them.
    _started(file, "<", big=True)
    tree = tree.in_order("<")
    note = tree.tag(*_NOTE_PATH)
    tree = exif_block.movable(tree, Losses())
    place = -1 if note is None or is_self_contained(note.value) else note.place or -1
    if note is not None and _BIG_HEADER_BYTES <= place <= _FURTHEST_NOTE:
        file.write(bytes(place - file.size), note.value)
        tree = tree.with_field(note, *_NOTE_PATH)
    return _laid_out(file, metadata, tree, big=True)


def described(file: Spool, metadata: Metadata, order: Order, *, big: bool) -> Description:
    """Write the metadata that the directory of a page links to, and return its tags."""
    tree = Tree(order, ())
    if metadata.exif is not None and exif_block.is_readable(metadata.exif):
        tree = exif_block.movable(exif_block.tree_of(metadata.exif, _NOT_COPIED), Losses())
        tree = tree.in_order(order)
    return _laid_out(file, metadata, tree, big=big)


def _laid_out(file: Spool, metadata: Metadata, tree: Tree, *, big: bool) -> Description:
    file.write(b"\0" * (file.size % 2))
    below, fields = laid_out(tree, file.size, big=big)
    file.write(below)
    return Description(tree.order, _fields(metadata, fields, tree.order))


def _order(metadata: Metadata) -> Order:
    """Return the byte order of the first EXIF block of a page; "<" if there is none."""
    blocks = [page.exif for page in (metadata, *metadata.later)]
    found = [block for block in blocks if block is not None and exif_block.is_readable(block)]
    return exif_block.tree_of(found[0]).order if found else "<"


def _started(file: Spool, order: str, *, big: bool) -> Spool:
    mark = b"II" if order == "<" else b"MM"
    kind = (order + "HHHQ", (_BIG, 8, 0, 0)) if big else (order + "HI", (_CLASSIC, 0))
    file.write(mark + struct.pack(kind[0], *kind[1]))
    return file


def _apart(metadata: Metadata) -> dict[int, bytes | None]:
    """Return the metadata that a TIFF keeps in tags of their own."""
    return {
        XMP: metadata.xmp,
        IPTC: metadata.iptc,
        PHOTOSHOP: metadata.photoshop,
        ICC: metadata.icc,
    }


def _fields(metadata: Metadata, tags: tuple[Field, ...], order: str) -> tuple[Field, ...]:
    """Return the tags of the EXIF block, with those that are kept apart from it."""
    found = [
        Field(tag, _KINDS[tag], len(body), body)
        for tag, body in _apart(metadata).items()
        if body is not None
    ]
    given = {field.tag for field in found}
    tags = tuple(tag for tag in tags if tag.tag not in given)
    block = metadata.exif
    if metadata.dpi is not None and (block is None or exif.resolution_of(block) is None):
        tags = tuple(tag for tag in tags if tag.tag not in _RESOLUTION)
        found += exif_block.resolution_fields(metadata.dpi, order)
    return (*tags, *found)
