"""The metadata of one page: blocks of bytes in the form that their standards define."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from sr_core.imaging.colour import CodePoints


class TextChunk(NamedTuple):
    """A text chunk of PNG."""

    kind: bytes
    """tEXt, zTXt or iTXt."""
    body: bytes
    """Content of the chunk, unchanged."""

    @property
    def keyword(self) -> str:
        """Keyword, such as Author."""
        return self.body.partition(b"\0")[0].decode("latin-1")


@dataclass(frozen=True, slots=True)
class Metadata:
    """Metadata kept beside the pixels; None or empty if missing."""

    exif: bytes | None = None
    """TIFF structure without the "Exif" prefix; its orientation is 1, its thumbnail is unlinked."""
    xmp: bytes | None = None
    """The main XMP packet."""
    icc: bytes | None = None
    """Profile of the pixels as decoded, those of the first page; None for sRGB."""
    dpi: tuple[float, float] | None = None
    """Dots per inch, (horizontal, vertical)."""
    code_points: CodePoints | None = None
    """Code points of the source that name the colour space of `icc`; for formats that hold both."""
    extended_xmp: bytes | None = None
    """The XMP packet that `xmp` refers to by its MD5 digest, because JPEG limits the main one."""
    iptc: bytes | None = None
    """IPTC-IIM datasets."""
    photoshop: bytes | None = None
    """Photoshop image resources, other than IPTC, that remain true."""
    comments: tuple[bytes, ...] = ()
    """Comments of JPEG and GIF."""
    text: tuple[TextChunk, ...] = ()
    """Text chunks of PNG, other than XMP and raw profiles."""
    modified: bytes | None = None
    """Time of last modification, as in PNG's tIME chunk."""
    size_px: tuple[int, int] | None = None
    """Size of the upright picture that positions in EXIF and XMP refer to, (width, height)."""
    thumbnail_bytes: int = 0
    """Size of the thumbnail that was removed from the EXIF data; 0 if it had none."""
    later: tuple[Metadata, ...] = ()
    """Metadata of each page after the first; empty if there is only one page."""
