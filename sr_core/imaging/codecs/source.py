"""A file of which only the beginning may be loaded, and the chunks that it consists of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sr_core.errors import ErrorClass, ImageError, SrfleetError
from sr_core.scratch import Blob

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_XMP = b"XML:com.adobe.xmp"
METRES_PER_INCH = 0.0254


class NeedMoreBytes(SrfleetError):  # noqa: N818 - a request, not an error
    """The header needs more bytes than are loaded: the first `wanted_bytes` of the file."""

    def __init__(self, wanted_bytes: int) -> None:
        super().__init__(f"the header needs the first {wanted_bytes} bytes")
        self.wanted_bytes = wanted_bytes

    def __reduce__(self) -> tuple[type[NeedMoreBytes], tuple[int]]:
        """Keep the number when pickled; exceptions cross process boundaries."""
        return type(self), (self.wanted_bytes,)


class Source:
    """The first bytes of a file.

    Reading beyond the loaded bytes raises NeedMoreBytes; reading beyond the end of the file raises
    ImageError.

    Args:
        data: the file, or its beginning.
        size: size of the whole file in bytes; None if data is the whole file.
    """

    __slots__ = ("data", "size")

    def __init__(self, data: Blob, size: int | None = None) -> None:
        self.data = data
        self.size = len(data) if size is None else max(size, len(data))

    def take(self, start: int, length: int) -> bytes:
        """Return exactly `length` bytes.

        Raises: NeedMoreBytes if they are not loaded; ImageError if the file ends before them.
        """
        end = start + length
        if end > self.size:
            raise ImageError(
                ErrorClass.DECODE, f"the file is truncated: {self.size} bytes, expected {end}"
            )
        if end > len(self.data):
            raise NeedMoreBytes(end)
        return self.data[start:end]

    def number(self, start: int, length: int, order: str = "big") -> int:
        """Read an unsigned integer."""
        return int.from_bytes(self.take(start, length), "little" if order == "little" else "big")

    def whole(self) -> Blob:
        """Return the whole file, for readers that need all of it.

        Raises: NeedMoreBytes if it is not loaded.
        """
        return self.data if len(self.data) == self.size else self.take(0, self.size)


class Chunk(NamedTuple):
    """A named piece of a file, and the position and length of its content in bytes."""

    kind: bytes
    start: int
    length: int


def png_chunks(source: Source) -> Iterator[Chunk]:
    """Iterate over the chunks of a PNG file, IEND included.

    A file that ends within or after its picture has no further chunks; reading the picture
    decides whether it is whole.
    """
    position, kind, picture = len(PNG_SIGNATURE), b"", False
    while kind != b"IEND":
        if picture and position + 8 > source.size:
            return
        length, kind = source.number(position, 4), source.take(position + 4, 4)
        picture |= kind == b"IDAT"
        yield Chunk(kind, position + 8, length)
        position += length + 12
    if position <= source.size:
        source.take(position - 4, 4)


def riff_chunks(source: Source) -> Iterator[Chunk]:
    """Iterate over the chunks of a WebP file."""
    end = min(8 + source.number(4, 4, "little"), source.size)
    position = 12
    while position + 8 <= end:
        length = source.number(position + 4, 4, "little")
        yield Chunk(source.take(position, 4), position + 8, length)
        position += 8 + length + length % 2


def boxes(source: Source, start: int = 0, end: int | None = None) -> Iterator[Chunk]:
    """Iterate over the boxes of an ISO base media file (JPEG 2000, JPEG XL)."""
    end = source.size if end is None else min(end, source.size)
    while start + 8 <= end:
        length, header = source.number(start, 4), 8
        if length == 1:
            length, header = source.number(start + 8, 8), 16
        elif length == 0:
            length = end - start
        if length < header:
            raise ImageError(ErrorClass.DECODE, f"a box of {length} bytes at {start}")
        yield Chunk(source.take(start + 4, 4), start + header, length - header)
        start += length


def jpeg_segments(source: Source) -> Iterator[Chunk]:
    """Iterate over the marker segments of a JPEG file, its first scan header included."""
    position, kind = 2, b""
    while kind != b"\xda":
        if source.take(position, 1) != b"\xff":  # decoders skip garbage between segments
            found = source.data.find(b"\xff", position)
            position = len(source.data) if found < 0 else found
            continue
        kind = source.take(position + 1, 1)
        if kind == b"\xff":
            position += 1
        elif kind == b"\xd9":
            raise ImageError(ErrorClass.DECODE, "the JPEG ends before its picture begins")
        elif kind in b"\x00\x01\xd0\xd1\xd2\xd3\xd4\xd5\xd6\xd7\xd8":
            position += 2
        else:
            length = source.number(position + 2, 2)
            if length < 2:
                raise ImageError(ErrorClass.DECODE, f"a JPEG segment of {length} bytes")
            yield Chunk(kind, position + 4, length - 2)
            position += 2 + length
