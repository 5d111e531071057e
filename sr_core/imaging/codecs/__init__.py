"""Codecs: image files decoded to pixels and metadata, and encoded again."""

from sr_core.imaging.codecs.decode import decode, probe
from sr_core.imaging.codecs.encode import encode, losses
from sr_core.imaging.codecs.formats import (
    EXTENSIONS,
    FORMAT_LIMITS,
    LOSSY,
    MAX_PAGES,
    WHOLE_LIMITS,
    Header,
    Limits,
    Picture,
    check_output_size,
    output_format,
)
from sr_core.imaging.codecs.jpeg.tables import jpeg_evidence
from sr_core.imaging.codecs.marking import renamed
from sr_core.imaging.codecs.source import NeedMoreBytes, Source
from sr_core.imaging.codecs.thumbnails import crop, thumbnail
from sr_core.imaging.metadata import Mark, Metadata
from sr_core.imaging.pixels import Page

__all__ = [
    "EXTENSIONS",
    "FORMAT_LIMITS",
    "LOSSY",
    "MAX_PAGES",
    "WHOLE_LIMITS",
    "Header",
    "Limits",
    "Mark",
    "Metadata",
    "NeedMoreBytes",
    "Page",
    "Picture",
    "Source",
    "check_output_size",
    "crop",
    "decode",
    "encode",
    "jpeg_evidence",
    "losses",
    "output_format",
    "probe",
    "renamed",
    "thumbnail",
]
