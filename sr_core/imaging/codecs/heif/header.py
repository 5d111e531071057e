"""HEIF: size, mode, depth and turn of the primary picture, from the properties of its item."""

from __future__ import annotations

from dataclasses import dataclass

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs.aperture import clean_aperture
from sr_core.imaging.codecs.formats import Header
from sr_core.imaging.codecs.heif.items import Items, read_items
from sr_core.imaging.codecs.heif.library import check_installed
from sr_core.imaging.codecs.source import Source, boxes
from sr_core.imaging.metadata.losses import printable

CODED = frozenset({b"hvc1", b"hev1"})
"""Types of items that are coded by HEVC."""
DERIVED = frozenset({b"grid", b"iden", b"iovl"})
"""Types of items that are made of other pictures."""
ALPHA = frozenset({b"urn:mpeg:hevc:2015:auxid:1", b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"})
"""Types of auxiliary pictures that are transparency."""
_UNREADABLE = {
    b"av01": "AV1",
    b"jpeg": "JPEG",
    b"avc1": "H.264",
    b"vvc1": "VVC",
    b"j2k1": "JPEG 2000",
}
_ROTATIONS = (1, 8, 3, 6)
"""EXIF orientations by irot's angle, in quarters of a turn anticlockwise."""
_MIRRORS = (4, 2)
"""EXIF orientations by imir's axis: 0 swaps top and bottom, 1 left and right."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Size of a picture after its transformations, and the turn as an EXIF orientation."""

    width: int
    height: int
    turn: int


def opened(source: Source) -> tuple[Items, int]:
    """Return the items of a file and the number of its primary picture.

    Raises: ImageError if there is no still picture of a supported coding; NeedMoreBytes.
    """
    items = read_items(source)
    if items is None or not items.all:
        if any(each.kind == b"moov" for each in boxes(source)):
            raise ImageError(ErrorClass.ANIMATED, "an image sequence without a still picture")
        raise ImageError(ErrorClass.DECODE, "the HEIF has no pictures")
    primary = primary_of(items)
    for each in (primary, *items.coded(primary)):
        item = items.all.get(each)
        if item is None:
            raise ImageError(ErrorClass.DECODE, "a part of the HEIF picture is missing")
        if item.kind not in CODED | DERIVED:
            name = _UNREADABLE.get(item.kind, printable(item.kind))
            raise ImageError(ErrorClass.UNSUPPORTED_FORMAT, f"a HEIF picture coded as {name}")
    return items, primary


def primary_of(items: Items) -> int:
    """Return the number of the primary picture; of the first one if the file names none."""
    if items.primary in items.all:
        return items.primary
    pictures = [each.number for each in items.all.values() if each.kind in CODED | DERIVED]
    parts = {
        each
        for reference in items.references
        for each in (reference.targets if reference.kind == b"dimg" else (reference.item,))
        if reference.kind in (b"dimg", b"thmb", b"auxl")
    }
    return next((each for each in pictures if each not in parts), 0)


def header(source: Source) -> Header:
    """Read size, depth, transparency and turn; needs the box of metadata alone.

    Raises: ImageError, NeedMoreBytes.
    """
    items, primary = opened(source)
    check_installed()
    shape = shape_of(items, primary)
    depth, grey = coding(items, primary)
    mode = ("L" if grey else "RGB") + "A" * has_alpha(items, primary) + ";16" * (depth > 8)
    return Header("HEIF", mode, shape.width, shape.height, bit_depth=depth, orientation=shape.turn)


def coding(items: Items, primary: int) -> tuple[int, bool]:
    """Return the bits per sample, and True for grey: of the first coded part.

    Source: ISO/IEC 14496-15, 8.3.3.1 (chroma format and bit depth in hvcC).
    """
    bodies = items.bodies(items.coded(primary)[0], b"hvcC")
    if not bodies or len(bodies[0]) < 23:
        raise ImageError(ErrorClass.DECODE, "the HEIF picture has no HEVC configuration")
    return (bodies[0][17] & 7) + 8, bodies[0][16] & 3 == 0


def has_alpha(items: Items, primary: int) -> bool:
    """Return True if an auxiliary picture of the primary one is its transparency."""
    return any(auxiliary_type(items, each) in ALPHA for each in items.sources(b"auxl", primary))


def auxiliary_type(items: Items, item: int) -> bytes:
    """Return the type of an auxiliary picture, a URN."""
    bodies = items.bodies(item, b"auxC")
    return bodies[0][4:].partition(b"\0")[0] if bodies else b""


def shape_of(items: Items, primary: int) -> Shape:
    """Apply crop, rotation and mirroring to a picture's size, in the order of its properties.

    Source: ISO/IEC 23008-12, 6.5.3 (ispe), 6.5.10 (irot), 6.5.12 (imir); ISO/IEC 14496-12,
    12.1.4 (clap).
    """
    bodies = items.bodies(primary, b"ispe")
    if not bodies or len(bodies[0]) < 12:
        raise ImageError(ErrorClass.DECODE, "the HEIF picture has no size")
    width, height = (int.from_bytes(bodies[0][at : at + 4]) for at in (4, 8))
    turn = 1
    for each in items.properties.get(primary, ()):
        if each.kind == b"clap" and len(each.body) >= 32:
            top, bottom, left, right = clean_aperture(each.body, width, height)
            width, height = right - left, bottom - top
        elif each.kind == b"irot" and each.body:
            change = _ROTATIONS[each.body[0] & 3]
            turn = composed(turn, change)
            width, height = (height, width) if change >= 5 else (width, height)
        elif each.kind == b"imir" and each.body:
            turn = composed(turn, _MIRRORS[each.body[0] & 1])
    return Shape(width, height, turn)


def composed(first: int, second: int) -> int:
    """Return the EXIF orientation of two turns, one after the other."""
    matrix = _product(_MATRICES[second], _MATRICES[first])
    return next(turn for turn, each in _MATRICES.items() if each == matrix)


_Matrix = tuple[int, int, int, int]
# Of the stored picture's axes (x to the right, y down), by EXIF orientation.
_MATRICES: dict[int, _Matrix] = {
    1: (1, 0, 0, 1),
    2: (-1, 0, 0, 1),
    3: (-1, 0, 0, -1),
    4: (1, 0, 0, -1),
    5: (0, 1, 1, 0),
    6: (0, -1, 1, 0),
    7: (0, -1, -1, 0),
    8: (0, 1, -1, 0),
}


def _product(left: _Matrix, right: _Matrix) -> _Matrix:
    (a, b, c, d), (e, f, g, h) = left, right
    return a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h
