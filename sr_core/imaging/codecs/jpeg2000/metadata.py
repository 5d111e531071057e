"""JPEG 2000: metadata and resolution of the boxes, and the names of what is dropped.

Source: ITU-T T.800, I.5.3.7 (res), I.7.2 (uuid).
"""

from __future__ import annotations

import struct

from sr_core.errors import ImageError
from sr_core.imaging.codecs.source import METRES_PER_INCH, Source, boxes
from sr_core.imaging.metadata import Losses, Metadata, photoshop
from sr_core.imaging.metadata.losses import printable

CODESTREAM = b"\xff\x4f\xff\x51"
EXIF_ID = b"JpgTiffExif->JP2"
_XMP_ID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_IPTC_ID = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")
_PHOTOSHOP_ID = bytes.fromhex("2c4c0100850440b9a03e562148d6dfeb")
_KEPT = frozenset({EXIF_ID, _XMP_ID, _IPTC_ID, _PHOTOSHOP_ID})
_NAMES = {
    bytes.fromhex("b14bf8bd083d4b43a5ae8cd7d5a6ce03"): "position on the ground (GeoJP2)",
    bytes.fromhex("d8fec3d61b0e483c92975828877ec481"): "C2PA manifest",
}
_STRUCTURE = frozenset({b"jP  ", b"ftyp", b"jp2h", b"jp2c", b"rreq", b"free"})


def metadata(source: Source, notes: list[str]) -> Metadata:
    """Collect EXIF, XMP, IPTC, Photoshop resources and resolution; name what is dropped."""
    if source.take(0, 4) == CODESTREAM:
        return Metadata()
    found: dict[bytes, bytes] = {}
    losses = Losses()
    dpi = None
    try:
        for kind, start, length in boxes(source):
            if kind == b"jp2h":
                dpi = _resolution(source, start, start + length)
            elif kind == b"uuid" and length > 16:
                name = source.take(start, 16)
                if name in _KEPT and name not in found:
                    found[name] = source.take(start + 16, length - 16)
                else:
                    losses.add(_NAMES.get(name, f"box {name.hex()} of JPEG 2000"), length - 16)
            elif kind == b"jumb":
                losses.add("C2PA manifest (JUMBF)", length)
            elif kind not in _STRUCTURE:
                losses.add(f"box {printable(kind).strip()} of JPEG 2000", length)
    except ImageError:
        notes.append("dropped: boxes after the picture, which are damaged")
    resources = photoshop.read(found.get(_PHOTOSHOP_ID, b""), losses)
    notes += losses.warnings()
    block = found.get(EXIF_ID)
    return Metadata(
        None if block is None else block.removeprefix(b"Exif\0\0"),
        found.get(_XMP_ID),
        dpi=dpi,
        iptc=found.get(_IPTC_ID, resources.iptc),
        photoshop=resources.others,
    )


def exif_of(source: Source) -> bytes | None:
    """Return the EXIF block; it may follow the picture.

    Raises: NeedMoreBytes.
    """
    if source.take(0, 4) == CODESTREAM:
        return None
    try:
        for kind, start, length in boxes(source):
            if kind == b"uuid" and length > 16 and source.take(start, 16) == EXIF_ID:
                return source.take(start + 16, length - 16).removeprefix(b"Exif\0\0")
    except ImageError:
        return None  # damage after the picture does not matter to it
    return None


def _resolution(source: Source, start: int, end: int) -> tuple[float, float] | None:
    """Return dots per inch, (horizontal, vertical): of display, or else of capture."""
    found: dict[bytes, tuple[float, float]] = {}
    for kind, first, length in boxes(source, start, end):
        if kind != b"res ":
            continue
        for inner, at, size in boxes(source, first, first + length):
            if size < 10:
                continue
            down, over, wide, below, *powers = struct.unpack(">4H2b", source.take(at, 10))
            if down and over and wide and below:
                vertical = down / over * 10.0 ** powers[0] * METRES_PER_INCH
                found[inner] = (wide / below * 10.0 ** powers[1] * METRES_PER_INCH, vertical)
    dpi = found.get(b"resd", found.get(b"resc"))
    return dpi if dpi is not None and all(0.01 < value < 1e6 for value in dpi) else None
