"""PNG: metadata chunks, raw profiles of ImageMagick and GIMP, and the names of what is dropped.

Source: PNG specification, third edition, 11.3; ImageMagick's coders/png.c for raw profiles.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass, field

from sr_core.imaging.codecs.png.inflate import MAX_BYTES, inflated
from sr_core.imaging.codecs.source import METRES_PER_INCH, PNG_XMP, Source, png_chunks
from sr_core.imaging.metadata import Losses, Metadata, TextChunk, photoshop
from sr_core.imaging.metadata.losses import printable

_TEXT = frozenset({b"tEXt", b"zTXt", b"iTXt"})
# The picture, its colours, and what an animation of one frame has.
_STRUCTURE = frozenset(
    {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"hIST", b"acTL", b"fcTL", b"fdAT"}
    | {b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"sBIT"}
)
_SINGLE = frozenset({b"eXIf", b"pHYs", b"tIME", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP"})
"""Chunks that a file has once; the first counts."""
_RAW = re.compile(rb"Raw profile type ([\w ]{1,40})\0")
_EXIF_PREFIX, _XMP_PREFIX = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
_PHOTOSHOP_PREFIX = b"Photoshop 3.0\0"
_COLUMNS = 72


@dataclass(slots=True)
class _Found:
    exif: bytes | None = None
    raw_exif: bytes | None = None
    xmp: bytes | None = None
    raw_xmp: bytes | None = None
    resources: bytes = b""
    iptc: bytes | None = None
    text: list[TextChunk] = field(default_factory=list)
    modified: bytes | None = None
    dpi: tuple[float, float] | None = None


def metadata(source: Source, notes: list[str]) -> Metadata:
    """Collect EXIF, XMP, IPTC, text, time and resolution; name everything that is dropped."""
    found, losses = _Found(), Losses()
    seen = set[bytes]()
    for kind, start, length in png_chunks(source):
        if kind in _SINGLE and kind in seen:
            losses.add(f"second PNG chunk {printable(kind)}", length)
            continue
        seen.add(kind)
        if kind in _STRUCTURE:
            continue
        if length > MAX_BYTES:
            notes.append(f"dropped: PNG chunk {printable(kind)} that is too long, {length} bytes")
        else:
            _sort(kind, source.take(start, length), found, losses, notes)
    _name_trailer(source, losses)
    raw_exif, raw_xmp = found.raw_exif, found.raw_xmp
    if found.exif is not None and raw_exif not in (None, found.exif):
        losses.add("EXIF data of a raw profile beside an eXIf chunk", len(raw_exif or b""))
    if found.xmp is not None and raw_xmp not in (None, found.xmp):
        losses.add("XMP data of a raw profile beside another packet", len(raw_xmp or b""))
    resources = photoshop.read(found.resources, losses)
    notes += losses.warnings()
    return Metadata(
        found.exif or raw_exif,
        found.xmp or raw_xmp,
        None,
        found.dpi,
        iptc=found.iptc or resources.iptc,
        photoshop=resources.others,
        text=tuple(found.text),
        modified=found.modified,
    )


def exif_of(source: Source) -> bytes | None:
    """Return the EXIF block of the eXIf chunk, or else of a raw profile; None if there is none.

    Blocks after the picture are only found if the whole file is loaded: the header of a stored
    file must not cost reading all of it.

    Raises: ImageError, NeedMoreBytes.
    """
    found = None
    for kind, start, length in png_chunks(source):
        if kind == b"IDAT" and len(source.data) < source.size:
            break
        if length > MAX_BYTES:
            continue
        if kind == b"eXIf":
            return source.take(start, length).removeprefix(_EXIF_PREFIX)
        if kind in _TEXT and source.take(start, min(length, 8)) == b"Raw prof" and found is None:
            profile = _raw_profile(kind, source.take(start, length))
            if profile is not None and profile.startswith(_EXIF_PREFIX):
                found = profile[len(_EXIF_PREFIX) :]
    return found


def raw_profile_chunk(name: bytes, content: bytes) -> tuple[bytes, bytes]:
    """Return kind and body of a chunk that holds a raw profile, as ImageMagick writes it."""
    digits = content.hex().encode()
    lines = [digits[at : at + _COLUMNS] for at in range(0, len(digits), _COLUMNS)]
    text = b"\n%b\n%8d\n%b\n" % (name, len(content), b"\n".join(lines))
    return b"zTXt", b"Raw profile type " + name + b"\0\0" + zlib.compress(text)


def comment_chunk(comment: bytes) -> tuple[bytes, bytes]:
    """Return kind and body of a chunk that holds a comment: Latin-1, or UTF-8 if it is that.

    Zeros, which PNG text cannot hold, become spaces.
    """
    text = comment.rstrip(b"\0").replace(b"\0", b" ")
    try:
        unicode = bool(text.decode("utf-8")) and not text.isascii()
    except UnicodeDecodeError:
        unicode = False
    return (b"iTXt", b"Comment\0\0\0\0\0" + text) if unicode else (b"tEXt", b"Comment\0" + text)


def _sort(kind: bytes, body: bytes, found: _Found, losses: Losses, notes: list[str]) -> None:
    if kind == b"eXIf":
        found.exif = body.removeprefix(_EXIF_PREFIX)
    elif kind == b"iTXt" and body.startswith(PNG_XMP + b"\0") and found.xmp is None:
        found.xmp = _text(body, notes)
    elif kind == b"pHYs":
        found.dpi = _resolution(body)
        if found.dpi is None and len(body) == 9 and body[:4] != body[4:8]:
            losses.add("pixel aspect ratio without a unit", len(body))
    elif kind == b"tIME":
        found.modified = body
    elif kind in _TEXT and _RAW.match(body):
        _sort_profile(kind, body, found, losses)
    elif kind in _TEXT:
        found.text.append(TextChunk(kind, body))
    else:
        name = "C2PA manifest" if kind == b"caBX" else f"PNG chunk {printable(kind)}"
        losses.add(name, len(body))


def _sort_profile(kind: bytes, body: bytes, found: _Found, losses: Losses) -> None:
    """Sort the content of a raw profile; keep one that cannot be read as text."""
    content = _raw_profile(kind, body)
    named = _RAW.match(body)
    name = named[1] if named else b""
    if content is None or name in (b"icc", b"icm"):
        found.text.append(TextChunk(kind, body))
    elif content.startswith(_EXIF_PREFIX) and found.raw_exif is None:
        found.raw_exif = content[len(_EXIF_PREFIX) :]
    elif (content.startswith(_XMP_PREFIX) or name == b"xmp") and found.raw_xmp is None:
        found.raw_xmp = content.removeprefix(_XMP_PREFIX)
    elif name in (b"iptc", b"8bim") and content.startswith(b"\x1c"):
        found.iptc = content
    elif name in (b"iptc", b"8bim"):
        found.resources += content.removeprefix(_PHOTOSHOP_PREFIX)
    else:
        losses.add(f"raw profile of type {printable(name)}", len(content))


def _raw_profile(kind: bytes, body: bytes) -> bytes | None:
    """Return the content of a raw profile: its length and hexadecimal digits; None if damaged."""
    text: bytes | None = body.partition(b"\0")[2]
    if kind == b"zTXt":
        text = inflated((text or b"")[1:])
    elif kind == b"iTXt":
        text = _text(body, [])
    lines = (text or b"").lstrip().split(b"\n", 2)
    if len(lines) != 3 or not lines[1].strip().isdigit():
        return None
    try:
        content = bytes.fromhex(lines[2].decode("ascii"))
        wanted = int(lines[1])
    except ValueError:
        return None
    return content[:wanted] if len(content) >= wanted > 0 else None


def _text(body: bytes, notes: list[str]) -> bytes | None:
    """Return the text of an iTXt chunk.

    The chunk holds keyword, compression flag and method, language, translated keyword and text.
    """
    rest = body.partition(b"\0")[2]
    text = rest[2:].split(b"\0", 2)[-1]
    if rest[:1] != b"\1":
        return text
    content = inflated(text)
    if content is None:
        notes.append("dropped: XMP that is damaged or too large")
    return content


def _resolution(body: bytes) -> tuple[float, float] | None:
    if len(body) != 9 or body[8] != 1:
        return None
    wide, high = struct.unpack(">II", body[:8])
    return (wide * METRES_PER_INCH, high * METRES_PER_INCH) if wide and high else None


def _name_trailer(source: Source, losses: Losses) -> None:
    end = max(start + length + 4 for _, start, length in png_chunks(source))
    if source.size > end:
        losses.add("data after the picture", source.size - end)
