"""GIF: comments and XMP of the extensions, and the names of what is dropped.

Source: GIF89a specification; XMP specification part 3, 1.1.2 (GIF).
"""

from __future__ import annotations

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs.gif.colour import parts
from sr_core.imaging.codecs.source import Source
from sr_core.imaging.metadata import Losses, Metadata
from sr_core.imaging.metadata.losses import printable

_EXTENSION, _IMAGE, _END = 0x21, 0x2C, 0x3B
_CONTROL, _COMMENT, _TEXT, _APPLICATION = 0xF9, 0xFE, 0x01, 0xFF
_XMP_ID, _XMP_TRAILER_BYTES = b"XMP DataXMP", 257
_STRUCTURE = frozenset({b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012"})


def metadata(source: Source, notes: list[str]) -> Metadata:
    """Collect comments and XMP; name what is dropped."""
    comments: list[bytes] = []
    packet: bytes | None = None
    losses = Losses()
    position = 13 + _table_bytes(source.number(10, 1))
    # Some files lack the end marker.
    while position < source.size and (kind := source.number(position, 1)) != _END:
        if kind == _IMAGE:
            position += 11 + _table_bytes(source.number(position + 9, 1))
        elif kind == _EXTENSION:
            label, position = source.number(position + 1, 1), position + 2
            body = list(parts(source, position))
            content, name = b"".join(body), body[0] if body else b""
            if label == _COMMENT:
                comments.append(content)
            elif label == _APPLICATION and name == _XMP_ID and packet is None:
                packet = _packet(source, position + 12)
            elif label == _APPLICATION and name == _XMP_ID:
                losses.add("second XMP packet", len(_packet(source, position + 12)))
            elif label == _TEXT:
                losses.add("text of GIF", len(content))
            elif label == _APPLICATION and name not in _STRUCTURE:
                losses.add(f"extension of GIF {printable(name)!r}", len(content))
        else:
            break
        position += 1 + sum(len(part) + 1 for part in parts(source, position))
    if source.size <= position:
        notes.append("the GIF is odd, but whole: no end marker")
    if source.size > position + 1:
        losses.add("data after the picture", source.size - position - 1)
    notes += losses.warnings()
    return Metadata(xmp=packet, comments=tuple(comments))


def check_picture(source: Source) -> None:
    """Refuse a GIF without a picture, or whose first frame has no pixels.

    Raises: ImageError with class unsupported_format.
    """
    position = 13 + _table_bytes(source.number(10, 1))
    empty = ImageError(ErrorClass.UNSUPPORTED_FORMAT, "a GIF without a picture")
    while position < source.size:
        kind = source.number(position, 1)
        if kind == _END:
            raise empty
        if kind == _IMAGE:
            width, height = (source.number(position + at, 2, "little") for at in (5, 7))
            if not (width and height):
                raise empty
            return
        if kind != _EXTENSION:
            return
        position += 3 + sum(len(part) + 1 for part in parts(source, position + 2))


def _packet(source: Source, start: int) -> bytes:
    """Return the packet: it is not cut into blocks, and ends with bytes that look like blocks."""
    position = start
    while length := source.number(position, 1):
        position += length + 1
    return source.take(start, max(0, position - start - _XMP_TRAILER_BYTES))


def _table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
