"""JPEG: metadata of the segments before the picture, and the names of what is dropped."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

from sr_core.imaging.codecs.source import Source, jpeg_segments
from sr_core.imaging.codecs.tags.exif import orientation
from sr_core.imaging.metadata import Losses, Metadata, photoshop, xmp
from sr_core.imaging.metadata.losses import printable
from sr_core.scratch import Blob

EXIF, XMP, ICC = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"
EXIF_START = b"Exif\0"
"""EXIF without its second zero, for which some cameras write another byte."""
XMP_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
PHOTOSHOP = b"Photoshop 3.0\0"
_PHOTOSHOP_25 = b"Adobe_Photoshop2.5:"
APP0, APP1, APP2, APP11 = b"\xe0", b"\xe1", b"\xe2", b"\xeb"
APP12, APP13, APP14, COMMENT = b"\xec", b"\xed", b"\xee", b"\xfe"
_KNOWN = (
    (APP0, b"JFXX\0", "JFXX thumbnail"),
    (APP2, b"MPF\0", "index of the pictures beside the main picture (MPF)"),
    (APP2, b"FPXR\0", "FlashPix data"),
    (APP2, b"urn:iso:std:iso:ts:21496", "gain map data (ISO 21496)"),
    (APP11, b"JP", "C2PA manifest (JUMBF)"),
    (APP12, b"Ducky", "settings of Photoshop's Save for Web (Ducky)"),
)
_VIDEO_BRANDS = (b"ftypmp4", b"ftypisom", b"ftypqt")
_TRAILERS = (
    (b"SEFT", "Samsung"),
    (b"QDIOBS", "Samsung"),
    (b"CANON OPTIONAL DATA", "Canon (VRD)"),
    (b"cbipcbbl", "PhotoMechanic"),
    (b"\xa1\xb2\xc3\xd4", "FotoStation (with IPTC)"),
    (b"AXS!", "AFCP (with IPTC)"),
    (b"AXS*", "AFCP (with IPTC)"),
    (b"~\0\4\0zmie", "MIE (with metadata)"),
    (b"8db42d694ccc418790edff439fe026bf", "Insta360"),
    (b"/NIKON APP", "Nikon's app"),
    (b"\x1b*9HWfu\x84\x93\xa2\xb1", "Vivo"),
    (b"jxrs", "OnePlus"),
)
"""Ends of the data that cameras and programs append to a JPEG file.

Source: ExifTool 13, IdentifyTrailer.
"""
_MOST_MARKERS = 100_000
"""Most markers from the first scan to the end of the picture; a hostile file may have more."""
_END = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


@dataclass(slots=True)
class _Found:
    exif: list[bytes] = field(default_factory=list)
    xmp: list[bytes] = field(default_factory=list)
    extensions: dict[str, dict[int, bytes]] = field(default_factory=dict)
    resources: list[bytes] = field(default_factory=list)
    iptc: bytes | None = None
    comments: list[bytes] = field(default_factory=list)
    dpi: tuple[float, float] | None = None


def metadata(source: Source, notes: list[str]) -> Metadata:
    """Collect EXIF, XMP, IPTC, Photoshop resources, comments and resolution.

    Everything else that is not part of the picture is named in a note, the bytes after its end
    too.
    """
    found, losses = _Found(), Losses()
    for kind, start, length in jpeg_segments(source):
        if kind == COMMENT:
            found.comments.append(source.take(start, length))
        elif 0xE0 <= kind[0] <= 0xEF:
            _sort(kind, source.take(start, length), found, losses)
    block = _joined(found.exif, losses)
    main = found.xmp[0] if found.xmp else None
    for other in found.xmp[1:]:
        losses.add("second XMP packet", len(other))
    main, extended = _extended(main, found.extensions, losses)
    turned = orientation(block) != 1
    resources = photoshop.read(b"".join(found.resources), losses, turned=turned)
    _name_trailer(source, losses)
    notes += losses.warnings()
    return Metadata(
        block,
        main,
        None,
        found.dpi,
        extended_xmp=extended,
        iptc=resources.iptc or found.iptc,
        photoshop=resources.others,
        comments=tuple(found.comments),
    )


def exif_of(source: Source) -> bytes | None:
    """Return the EXIF data, joined; None if there is none.

    Raises: ImageError, NeedMoreBytes.
    """
    found = [
        source.take(start, length)[len(EXIF) :]
        for kind, start, length in jpeg_segments(source)
        if kind == APP1 and source.take(start, min(5, length)) == EXIF_START
    ]
    return _joined(found, Losses())


def _sort(kind: bytes, body: bytes, found: _Found, losses: Losses) -> None:
    if kind == APP0 and body.startswith(b"JFIF\0") and len(body) >= 12:
        found.dpi = _jfif_dpi(body)
        if len(body) > 14:
            losses.add("JFIF thumbnail", len(body) - 14)
    elif kind == APP1 and body.startswith(EXIF_START):
        found.exif.append(body[len(EXIF) :])
    elif kind == APP1 and body.startswith(XMP):
        found.xmp.append(body[len(XMP) :])
    elif kind == APP1 and body.startswith(XMP_EXTENSION) and len(body) >= len(XMP_EXTENSION) + 40:
        start = len(XMP_EXTENSION)
        parts = found.extensions.setdefault(body[start : start + 32].decode("latin-1").upper(), {})
        (offset,) = struct.unpack(">I", body[start + 36 : start + 40])
        parts.setdefault(offset, body[start + 40 :])
    elif kind == APP13 and (prefix := _photoshop_prefix(body)):
        found.resources.append(body[len(prefix) :])
    elif kind == APP13 and body.startswith(b"\x1c\x02") and found.iptc is None:
        found.iptc = body  # some programs leave out the image resources around it
    elif not (kind == APP14 and body.startswith(b"Adobe")) and not (
        kind == APP2 and body.startswith(ICC)
    ):
        losses.add(_name(kind, body), len(body))


def _photoshop_prefix(body: bytes) -> bytes:
    """Return the prefix of image resources, of Photoshop 3 or 2.5; empty for anything else."""
    return next((prefix for prefix in (PHOTOSHOP, _PHOTOSHOP_25) if body.startswith(prefix)), b"")


def _name(kind: bytes, body: bytes) -> str:
    for marker, prefix, name in _KNOWN:
        if kind == marker and body.startswith(prefix):
            return name
    word = printable(body.partition(b"\0")[0])
    return f"APP{kind[0] - 0xE0} segment" + (f" {word!r}" if word else "")


def _joined(blocks: list[bytes], losses: Losses) -> bytes | None:
    """Join EXIF data of several segments: a continuation has no TIFF header.

    Source: ExifTool and Exiv2, which write and read EXIF above 64 KiB so; CIPA has no rule.
    """
    if not blocks:
        return None
    parts = blocks[:1]
    for block in blocks[1:]:
        if block[:4] in (b"II\x2a\0", b"MM\0\x2a"):
            losses.add("second EXIF block", len(block))
        else:
            parts.append(block)
    return b"".join(parts)


def _extended(
    main: bytes | None, extensions: dict[str, dict[int, bytes]], losses: Losses
) -> tuple[bytes | None, bytes | None]:
    """Join the extended packet that the main one refers to.

    Source: XMP specification part 3, 1.1.3.1.
    """
    wanted = None if main is None else xmp.extension_of(main)
    extended = None
    for name, parts in extensions.items():
        whole = b"".join(parts[offset] for offset in sorted(parts))
        ends = [0, *(offset + len(parts[offset]) for offset in sorted(parts))]
        if name == wanted and sorted(parts) == ends[:-1]:
            extended = whole
        else:
            losses.add("XMP extension that is incomplete or of another packet", len(whole))
    if main is not None and wanted is not None and extended is None:
        main = xmp.without_extension(main)
    return main, extended


def _name_trailer(source: Source, losses: Losses) -> None:
    """Name the bytes after the picture's end marker."""
    data = source.whole()
    position = 0
    for kind, start, length in jpeg_segments(source):
        if kind == b"\xda":
            position = start + length
    for _ in range(_MOST_MARKERS):
        found = _END.search(data, position)
        if found is None:
            return
        if found[0] == b"\xff\xd9":
            trailer = memoryview(data)[found.end() :]
            if bytes(trailer[:64]).strip(b"\0") or len(trailer) > 64:
                losses.add(_trailer_name(data, found.end()), len(trailer))
            return
        length = int.from_bytes(data[found.end() : found.end() + 2], "big")
        position = found.end() + max(2, length)


def _trailer_name(data: Blob, start: int) -> str:
    head = data[start : start + 4096]
    if data.find(b"MotionPhoto_Data", start) >= 0:
        return "video of a motion photo, in a trailer of Samsung"
    if head[4:8] == b"ftyp" or any(brand in head for brand in _VIDEO_BRANDS):
        return "video of a motion photo, after the picture"
    programs = dict.fromkeys(name for end, name in _TRAILERS if data.find(end, start) >= 0)
    if programs:
        return f"trailer of {', '.join(programs)}"
    if head.lstrip(b"\0").startswith(b"\xff\xd8\xff"):
        return "pictures after the main picture (previews, gain maps, depth)"
    return "data after the picture"


def _jfif_dpi(body: bytes) -> tuple[float, float] | None:
    unit, wide, high = struct.unpack(">BHH", body[7:12])
    if unit not in (1, 2) or not (wide and high):
        return None
    factor = 2.54 if unit == 2 else 1.0
    return wide * factor, high * factor
