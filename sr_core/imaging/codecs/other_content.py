"""Contents that are none of the formats read: other images, text, documents, videos."""

from __future__ import annotations

import codecs
import re

from sr_core.errors import ErrorClass, ImageError, NotAnImageError

# Images that users expect to be supported; the message names them.
_IMAGES = (
    (b"8BPS", "Photoshop"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"IIU\0", "camera raw file (RW2)"),
    (b"IIRO", "camera raw file (ORF)"),
    (b"IIRS", "camera raw file (ORF)"),
    (b"MMOR", "camera raw file (ORF)"),
    (b"FUJIFILMCCD-RAW", "camera raw file (RAF)"),
    (b"FOVb", "camera raw file (X3F)"),
    (b"\0MRM", "camera raw file (MRW)"),
    (b"II\x1a\0\0\0HEAPCCDR", "camera raw file (CRW)"),
    (b"II\xbc\x01", "JPEG XR"),
    (b"gimp xcf", "GIMP"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"qoif", "QOI"),
    (b"DDS ", "DDS"),
    (b"SIMPLE  =", "FITS"),
)
_PNM = re.compile(rb"P[1-7]\s+(?:#|\d|WIDTH)")

_OTHERS = (
    (b"%PDF", ErrorClass.DOCUMENT, "PDF"),
    (b"%!PS", ErrorClass.DOCUMENT, "PostScript"),
    (b"AT&TFORM", ErrorClass.DOCUMENT, "DjVu"),
    (b"{\\rtf", ErrorClass.DOCUMENT, "RTF"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ErrorClass.DOCUMENT, "OLE, such as old Office files"),
    (b"<", ErrorClass.TEXT, "text with markup (HTML, SVG or XML)"),
    (b"\0\x05\x16\x07", ErrorClass.SYSTEM_FILE, "AppleDouble"),
    (b"\0\x05\x16\0", ErrorClass.SYSTEM_FILE, "AppleSingle"),
    (b"\x4c\0\0\0\x01\x14\x02\0", ErrorClass.SYSTEM_FILE, "Windows shortcut"),
    (b"PK\x03\x04", ErrorClass.ARCHIVE, "ZIP"),
    (b"PK\x05\x06", ErrorClass.ARCHIVE, "ZIP"),
    (b"Rar!", ErrorClass.ARCHIVE, "RAR"),
    (b"7z\xbc\xaf\x27\x1c", ErrorClass.ARCHIVE, "7z"),
    (b"\x1f\x8b", ErrorClass.ARCHIVE, "gzip"),
    (b"BZh", ErrorClass.ARCHIVE, "bzip2"),
    (b"\xfd7zXZ\0", ErrorClass.ARCHIVE, "xz"),
    (b"\x28\xb5\x2f\xfd", ErrorClass.ARCHIVE, "zstd"),
    (b"OggS", ErrorClass.AUDIO, "Ogg"),
    (b"fLaC", ErrorClass.AUDIO, "FLAC"),
    (b"ID3", ErrorClass.AUDIO, "MP3"),
    (b"#!AMR", ErrorClass.AUDIO, "AMR"),
    (b"\x1a\x45\xdf\xa3", ErrorClass.VIDEO, "Matroska"),
    (b"\0\0\x01\xba", ErrorClass.VIDEO, "MPEG"),
    (b"\0\0\x01\xb3", ErrorClass.VIDEO, "MPEG"),
    (b"FLV\x01", ErrorClass.VIDEO, "FLV"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", ErrorClass.VIDEO, "Windows Media"),
    (b"SQLite format 3", ErrorClass.OTHER, "SQLite"),
    (b"bplist00", ErrorClass.OTHER, "property list"),
    (b"PAR1", ErrorClass.OTHER, "Parquet"),
)
_RIFF = {b"AVI ": (ErrorClass.VIDEO, "AVI"), b"WAVE": (ErrorClass.AUDIO, "WAVE")}
_FORM = {b"AIFF": (ErrorClass.AUDIO, "AIFF"), b"AIFC": (ErrorClass.AUDIO, "AIFF")}
_QUICKTIME = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_AUDIO_BRANDS = frozenset({b"M4A ", b"M4B ", b"M4P "})
_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")


def refusal(start: bytes) -> ImageError:
    """Return the error of a file that no reader takes.

    Args:
        start: the first bytes of the file, at least one.

    Returns:
        A NotAnImageError, unless the content is an image in a format that is not read.
    """
    image = _image(start)
    if image is not None:
        return ImageError(ErrorClass.UNSUPPORTED_FORMAT, f"not a supported image format: {image}")
    content, name = _other(start) or (
        (ErrorClass.TEXT, "text")
        if _is_text(start)
        else (ErrorClass.OTHER, f"unknown, begins with {start[:8].hex(' ')}")
    )
    message = f"not a supported image format: {name}"
    return NotAnImageError(ErrorClass.UNSUPPORTED_FORMAT, message, content)


def _image(start: bytes) -> str | None:
    if start.startswith(b"%!PS") and b" EPSF" in start:
        return "EPS"
    if start[4:12] == b"ftypcrx ":
        return "camera raw file (CR3)"
    if _PNM.match(start):
        return "PNM"
    return next((name for signature, name in _IMAGES if start.startswith(signature)), None)


def _other(start: bytes) -> tuple[ErrorClass, str] | None:
    if start[:4] == b"RIFF" and start[8:12] in _RIFF:
        return _RIFF[start[8:12]]
    if start[:4] == b"FORM" and start[8:12] in _FORM:
        return _FORM[start[8:12]]
    if start[4:8] == b"ftyp":
        brand = start[8:12]
        content = ErrorClass.AUDIO if brand in _AUDIO_BRANDS else ErrorClass.VIDEO
        return content, f"ISO media ({brand.decode('ascii', 'replace').strip()})"
    if start[4:8] in _QUICKTIME:
        return ErrorClass.VIDEO, "QuickTime"
    text = start.removeprefix(codecs.BOM_UTF8).lstrip()
    for signature, content, name in _OTHERS:
        if start.startswith(signature) or text.startswith(signature):
            return content, name
    return None


def _is_text(start: bytes) -> bool:
    """Return True for UTF-8 without control characters, or UTF-16 with a byte order mark."""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)  # the last character may be cut
    except UnicodeDecodeError:
        return False
    return _CONTROLS.search(start) is None
