"""Detection of a file's format by its content."""

from __future__ import annotations

from sr_core.errors import ErrorClass, ImageError, NotAnImageError
from sr_core.imaging.codecs.heif.header import primary_of
from sr_core.imaging.codecs.heif.items import read_items
from sr_core.imaging.codecs.other_content import refusal
from sr_core.imaging.codecs.source import PNG_SIGNATURE, Source

_STARTS = (
    (b"\xff\xd8\xff", "JPEG"),
    (PNG_SIGNATURE, "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II\x2a\0", "TIFF"),
    (b"MM\0\x2a", "TIFF"),
    (b"II\x2b\0\x08\0\0\0", "TIFF"),
    (b"MM\0\x2b\0\x08\0\0", "TIFF"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),
    (b"\xff\x0a", "JXL"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JXL"),
)
_BMP_HEADER_BYTES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_LONGEST = 64
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIF_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"mif2", b"msf1"}
)


def detect(source: Source) -> str:
    """Return the format, as in `Header.format`; the file's name is ignored.

    Raises: ImageError with class unsupported_format, as NotAnImageError if the content is no image;
        NeedMoreBytes.
    """
    if source.size == 0:
        raise NotAnImageError(ErrorClass.UNSUPPORTED_FORMAT, "the file is empty", None)
    start = source.take(0, min(source.size, _LONGEST))
    for signature, name in _STARTS:
        if start.startswith(signature):
            if name == "TIFF" and start[8:10] == b"CR":
                raise ImageError(ErrorClass.UNSUPPORTED_FORMAT, "a camera raw file (CR2)")
            return name
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WEBP"
    if start[:2] == b"BM" and int.from_bytes(start[14:18], "little") in _BMP_HEADER_BYTES:
        return "BMP"
    brands = _brands(start)
    if brands & (_AVIF_BRANDS | _HEIF_BRANDS):
        return _coding(source, brands)
    raise refusal(start)


def _brands(start: bytes) -> set[bytes]:
    """Return the major and compatible brands of an ISO base media file."""
    if start[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(start[:4], "big"), len(start))
    return {start[8:12], *(start[at : at + 4] for at in range(16, end, 4))}


def _coding(source: Source, brands: set[bytes]) -> str:
    """Return AVIF or HEIF, by the coding of the primary picture; by the brands if it has none."""
    try:
        items = read_items(source)
        primary = 0 if items is None else primary_of(items)
        kinds = set() if items is None else {items.all[each].kind for each in items.coded(primary)}
    except (ImageError, KeyError):  # the reader of the format says what is wrong
        kinds = set()
    if b"av01" in kinds:
        return "AVIF"
    return "HEIF" if kinds or not brands & _AVIF_BRANDS else "AVIF"
