"""Kinds of metadata that each output format holds, and the names of those that it does not."""

from __future__ import annotations

from dataclasses import replace

from sr_core.imaging.codecs.formats import TIFFS
from sr_core.imaging.metadata import Losses, Metadata, xmp

_HOLDS = {
    "jpeg": frozenset({"iptc", "photoshop", "comments"}),
    "png": frozenset({"iptc", "photoshop", "comments", "text", "modified"}),
    "tiff": frozenset({"iptc", "photoshop"}),
    "ptif": frozenset({"iptc", "photoshop"}),
    "webp": frozenset[str](),
    "jxl": frozenset[str](),
}
"""Kinds besides EXIF and XMP by format. PNG holds IPTC as ImageMagick and ExifTool write it."""


_SEGMENT_BYTES = 65_527
"""Most bytes of an EXIF block in one JPEG segment."""
_LEAST_THUMBNAIL_BYTES = 4096
_MOST_THUMBNAIL_BYTES = 65_000


def thumbnail_room(metadata: Metadata, format: str) -> int:  # noqa: A002
    """Return how many bytes a new EXIF thumbnail may have; 0 if the output cannot have one.

    TIFF has no EXIF thumbnail. In JPEG it must fit into the segment of the EXIF data, unless these
    need several segments anyway.
    """
    if format in TIFFS or metadata.exif is None or not metadata.thumbnail_bytes:
        return 0
    room = _SEGMENT_BYTES - len(metadata.exif)
    if format != "jpeg" or room < 0:
        return _MOST_THUMBNAIL_BYTES
    return room if room >= _LEAST_THUMBNAIL_BYTES else 0


def fitted(metadata: Metadata, format: str) -> Metadata:  # noqa: A002
    """Return the metadata that a format holds, XMP as one packet except in JPEG."""
    if metadata.extended_xmp is not None and format != "jpeg" and metadata.xmp is not None:
        packets = xmp.Packets(metadata.xmp, metadata.extended_xmp)
        whole = xmp.merged(packets) or xmp.without_extension(metadata.xmp)
        return replace(metadata, xmp=whole, extended_xmp=None)
    return metadata


def losses(metadata: Metadata, format: str) -> list[str]:  # noqa: A002
    """List the kinds that a format does not hold, as warnings for the image's row."""
    found, holds, warnings = Losses(), _HOLDS[format], list[str]()
    if metadata.thumbnail_bytes and not thumbnail_room(metadata, format):
        why = f"{format} cannot hold" if format in TIFFS else "does not fit beside the EXIF data"
        found.add(f"EXIF thumbnail, which {why}", metadata.thumbnail_bytes)
    if "iptc" not in holds and metadata.iptc is not None:
        found.add(f"IPTC data, which {format} cannot hold", len(metadata.iptc))
    if "photoshop" not in holds and metadata.photoshop is not None:
        found.add(f"Photoshop resources, which {format} cannot hold", len(metadata.photoshop))
    if "comments" not in holds:
        for comment in metadata.comments:
            found.add(f"comment, which {format} cannot hold", len(comment))
    if format == "png" and any(b"\0" in comment.rstrip(b"\0") for comment in metadata.comments):
        warnings.append("zeros in a comment became spaces, since PNG text cannot hold them")
    if "text" not in holds and metadata.text:
        names = ", ".join(dict.fromkeys(chunk.keyword for chunk in metadata.text))
        size = sum(len(chunk.body) for chunk in metadata.text)
        found.add(f"PNG text ({names[:100]}), which {format} cannot hold", size)
    if "modified" not in holds and metadata.modified is not None:
        found.add(f"PNG time, which {format} cannot hold", len(metadata.modified))
    if metadata.extended_xmp is not None and format != "jpeg" and metadata.xmp is not None:
        packets = xmp.Packets(metadata.xmp, metadata.extended_xmp)
        if not xmp.can_be_merged(packets):
            found.add("extended XMP of unknown structure", len(metadata.extended_xmp))
    return [*found.warnings(), *warnings]
