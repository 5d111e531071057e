"""HEIF: EXIF and XMP of the primary picture, and the names of what is dropped."""

from __future__ import annotations

from contextlib import suppress

from sr_core.errors import ImageError
from sr_core.imaging.codecs.heif.header import (
    ALPHA,
    CODED,
    DERIVED,
    auxiliary_type,
    opened,
    shape_of,
)
from sr_core.imaging.codecs.heif.items import Item, Items
from sr_core.imaging.codecs.source import Source, boxes
from sr_core.imaging.codecs.tags import exif
from sr_core.imaging.metadata import Losses, Metadata
from sr_core.imaging.metadata.losses import printable

_STRUCTURE = frozenset({b"ftyp", b"meta", b"mdat", b"free", b"skip", b"idat"})
_BOXES = {
    b"uuid": "C2PA manifest or data of a maker (uuid)",
    b"mpvd": "video of a motion photo",
    b"moov": "image sequence or film (moov)",
    b"sefd": "data of Samsung (sefd)",
}
_XMP = b"application/rdf+xml"
_KINDS = (  # of auxiliary pictures, by a part of their type
    (b"gainmap", "gain map"),
    (b"auxid:2", "depth map"),
    (b"depth", "depth map"),
    (b"disparity", "depth map"),
    (b"matte", "matte"),
    (b"alpha", "transparency of another picture"),
    (b"auxid:1", "transparency of another picture"),
)
_GAIN_MAP, _TONE_MAP = "gain map", b"tmap"


def metadata(source: Source, notes: list[str]) -> Metadata:
    """Collect EXIF and XMP; name what is dropped."""
    items, primary = opened(source)
    losses = Losses()
    block = packet = None
    for item in items.all.values():
        if item.kind == b"Exif" and block is None and _describes(items, item, primary):
            block = _exif(items.data(source, item.number), losses)
        elif item.content == _XMP and packet is None and _describes(items, item, primary):
            packet = items.data(source, item.number)
        elif not _is_picture(items, item):
            losses.add(_name(item), items.size_bytes(item.number))
    _pictures(items, primary, losses)
    with suppress(ImageError):  # damage after the picture does not matter to it
        for kind, _, length in boxes(source):
            if kind not in _STRUCTURE:
                losses.add(_BOXES.get(kind, f"box {printable(kind)} of HEIF"), length)
    notes += losses.warnings()
    turn, stated = shape_of(items, primary).turn, exif.orientation(block)
    if stated not in (1, turn):
        notes.append(
            f"the EXIF orientation, {stated}, was not applied: HEIF pictures are turned by "
            "properties of their own"
        )
    return Metadata(block, packet)


def _describes(items: Items, item: Item, primary: int) -> bool:
    """Return True if an item describes the primary picture, or all pictures."""
    described = items.targets(b"cdsc", item.number)
    return not described or primary in described or bool({*described} & {*items.coded(primary)})


def _exif(data: bytes, losses: Losses) -> bytes | None:
    """Return the block without its prefix, whose length the first four bytes state.

    Source: ISO/IEC 23008-12, annex A.2.1.
    """
    block = data[4 + int.from_bytes(data[:4]) :]
    if block[:2] not in (b"II", b"MM"):  # some writers state a wrong length
        block = data[4:].removeprefix(b"Exif\0\0")
    if block[:2] in (b"II", b"MM"):
        return block
    losses.add("EXIF data, which is damaged", len(data))
    return None


def _is_picture(items: Items, item: Item) -> bool:
    """Return True for pictures of any coding: cameras add thumbnails that are JPEG."""
    roles = items.targets(b"thmb", item.number) or items.targets(b"auxl", item.number)
    return item.kind in CODED | DERIVED or bool(roles)


def _name(item: Item) -> str:
    """Return the name of an item that is no picture and is not kept."""
    if item.kind == _TONE_MAP:
        return _GAIN_MAP
    if item.kind == b"Exif" or item.content == _XMP:
        return "EXIF or XMP of another picture"
    kind = item.content if item.kind == b"mime" else item.kind
    return f"item {printable(kind)} of HEIF"


def _pictures(items: Items, primary: int, losses: Losses) -> None:
    """Name the pictures of a file that are no part of the primary one."""
    used = _with_parts(items, primary)
    for each in items.sources(b"auxl", primary):
        if auxiliary_type(items, each) in ALPHA:
            used |= _with_parts(items, each)
    parts = {
        part
        for each in items.all.values()
        if each.kind in DERIVED
        for part in items.targets(b"dimg", each.number)
    }
    for item in items.all.values():
        number = item.number
        if _is_picture(items, item) and number not in used | parts:
            losses.add(_role(items, number), items.size_bytes(number))


def _role(items: Items, item: int) -> str:
    """Return the name of a picture that is not shown."""
    if items.targets(b"thmb", item):
        return "HEIF thumbnail"
    if items.targets(b"auxl", item):
        kind = auxiliary_type(items, item)
        names = (name for part, name in _KINDS if part in kind)
        return next(names, f"auxiliary picture {printable(kind.rpartition(b':')[2])}")
    makers = (each.item for each in items.references if item in each.targets)
    if any(items.all[each].kind == _TONE_MAP for each in makers if each in items.all):
        return _GAIN_MAP
    return "further picture"


def _with_parts(items: Items, picture: int) -> set[int]:
    found, waiting = set[int](), [picture]
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += items.targets(b"dimg", each)
    return found
