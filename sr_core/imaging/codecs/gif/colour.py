"""GIF: the ICC profile of the application extension."""

from __future__ import annotations

from collections.abc import Iterator

from sr_core.imaging.codecs.source import Source

_EXTENSION, _APPLICATION, _IMAGE = 0x21, 0xFF, 0x2C
_ID = b"ICCRGBG1012"


def profile(source: Source) -> bytes | None:
    """Return the profile before the first picture; None if there is none.

    Source: ICC.1:2022, annex B.5 (GIF).
    """
    flags = source.number(10, 1)
    position = 13 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
    while source.number(position, 1) == _EXTENSION:
        label = source.number(position + 1, 1)
        found = list(parts(source, position + 2))
        if label == _APPLICATION and found and found[0] == _ID:
            return b"".join(found[1:])
        position += 3 + sum(len(part) + 1 for part in found)
    return None


def parts(source: Source, position: int) -> Iterator[bytes]:
    """Yield the sub-blocks of an extension, up to the empty one."""
    while length := source.number(position, 1):
        yield source.take(position + 1, length)
        position += length + 1
