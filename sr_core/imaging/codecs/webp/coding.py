"""WebP: header, metadata, pixels and writing."""

from __future__ import annotations

import io
from dataclasses import replace

import imagecodecs
from PIL import Image

from sr_core import scratch
from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs.formats import Header
from sr_core.imaging.codecs.raster import Damage, Raster, model_of
from sr_core.imaging.codecs.source import Source, riff_chunks
from sr_core.imaging.codecs.tags import exif
from sr_core.imaging.codecs.webp.rows import decode_rows
from sr_core.imaging.colour import ColourFacts
from sr_core.imaging.metadata import Losses, Metadata
from sr_core.imaging.metadata.losses import printable
from sr_core.imaging.pixels import Pixels
from sr_core.scratch import Blob

_EXIF_PREFIX = b"Exif\0\0"
_HAS_ANIMATION, _HAS_XMP, _HAS_EXIF, _HAS_ALPHA, _HAS_ICC = 0x02, 0x04, 0x08, 0x10, 0x20
_STRUCTURE = frozenset({b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ICCP", b"ANIM", b"ANMF"})
_LONGEST_OF_IMAGECODECS = 16_382
"""Longest side that imagecodecs writes, in pixels; the format allows one pixel more."""
_METHOD = 2
"""Effort, 0 to 6. 2 is twice as fast as libwebp's default, 4; files are 2 % larger."""

_LOSSLESS_EFFORT = 20
"""Effort without loss, 0 to 100."""


def header(source: Source) -> Header:
    """Read size, alpha, animation and orientation. The EXIF chunk follows the picture.

    Raises: ImageError, NeedMoreBytes.
    Source: RFC 9649.
    """
    source.take(0, 30)
    for kind, start, length in riff_chunks(source):
        if kind == b"VP8X":
            flags = source.number(start, 1)
            width = 1 + source.number(start + 4, 3, "little")
            height = 1 + source.number(start + 7, 3, "little")
            turn = _orientation(source, announced=bool(flags & _HAS_EXIF))
            animated = bool(flags & _HAS_ANIMATION) and not _is_still(source, width, height)
            return _header(width, height, flags & _HAS_ALPHA, animated, turn)
        if kind == b"VP8L":
            bits = source.number(start + 1, 4, "little")
            turn = _orientation(source, announced=False)
            sides = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
            return _header(*sides, bits >> 28 & 1, turn=turn)
        if kind == b"VP8 ":
            width = source.number(start + 6, 2, "little") & 0x3FFF
            height = source.number(start + 8, 2, "little") & 0x3FFF
            return _header(width, height, turn=_orientation(source, announced=False))
        source.take(start, length)
    raise ImageError(ErrorClass.DECODE, "the WebP has no picture")


def metadata(source: Source, notes: list[str]) -> Metadata:
    """Collect EXIF and XMP; name what is dropped."""
    found: dict[bytes, bytes] = {}
    losses = Losses()
    end = 12
    for kind, start, length in riff_chunks(source):
        end = start + length + length % 2
        if kind in _STRUCTURE:
            continue
        if kind in (b"EXIF", b"XMP ") and kind not in found:
            found[kind] = source.take(start, length)
        else:
            name = "C2PA manifest" if kind == b"C2PA" else f"chunk {printable(kind)} of WebP"
            losses.add(name, length)
    if source.size > end:
        losses.add("data after the picture", source.size - end)
    notes += losses.warnings()
    block = found.get(b"EXIF")
    block = None if block is None else block.removeprefix(_EXIF_PREFIX)
    return Metadata(block, found.get(b"XMP "))


def colours(source: Source, notes: list[str]) -> list[ColourFacts]:  # noqa: ARG001 - as all formats
    """Find the ICC profile."""
    profiles = (each for each in riff_chunks(source) if each.kind == b"ICCP")
    icc = next((source.take(start, length) for _, start, length in profiles), None)
    return [ColourFacts(icc=icc)]


def rasters(data: Blob, header: Header) -> list[Raster]:
    """Decode the pixels.

    Raises: ImageError.
    """
    try:
        samples = imagecodecs.webp_decode(data, hasalpha=header.mode == "RGBA")
    except (imagecodecs.WebpError, ValueError):
        return [_top(data, header)]
    return [Raster(samples, model_of(samples), header.orientation)]


def _top(data: Blob, header: Header) -> Raster:
    """Decode a file that libwebp does not take as a whole: all its rows, or the top ones."""
    height, width = header.stored_shape
    if 8 + int.from_bytes(data[4:8], "little") < len(data) < 1 << 32:
        file = scratch.Spool()
        file.write(b"RIFF", (len(data) - 8).to_bytes(4, "little"), memoryview(data)[8:])
        data = file.finish()
    found = decode_rows(data, (height, width, 4 if header.mode == "RGBA" else 3))
    raster = Raster(found.samples, "rgb", header.orientation)
    if found.known == height:
        remark = "its size in the RIFF header is wrong, or it ends early after the picture"
        return replace(raster, warnings=(f"the WebP is odd, but whole: {remark}",))
    what = "the file ends before its last row" if found.ended else "the picture cannot be decoded"
    damage = Damage(f"the WebP is damaged: {what}", ((found.known, height, 0, width),))
    return replace(raster, damage=damage)


def is_lossless(source: Source) -> bool:
    """Return True if the picture is compressed without loss."""
    return any(chunk.kind == b"VP8L" for chunk in riff_chunks(source))


def encode(samples: Pixels, quality: int, metadata: Metadata, *, lossless: bool = False) -> bytes:
    """Write (H, W, 3 | 4) uint8; colours under full transparency are kept.

    Args:
        samples: RGB or RGBA with straight alpha.
        quality: 1 to 100; it means nothing without loss.
        metadata: EXIF, XMP and ICC are written.
        lossless: keep every sample.
    """
    level = _LOSSLESS_EFFORT if lossless else quality
    if samples.shape[2] == 4 or max(samples.shape) > _LONGEST_OF_IMAGECODECS:
        file = io.BytesIO()
        Image.fromarray(samples).save(
            file, "WEBP", lossless=lossless, quality=level, method=_METHOD, exact=True
        )
        data = file.getvalue()
    else:  # the same bytes as Pillow's, with a sixth of the memory
        data = bytes(
            imagecodecs.webp_encode(
                samples, level=level, lossless=lossless, method=_METHOD, numthreads=1
            )
        )
    height, width = samples.shape[:2]
    return _with_metadata(data, metadata, width, height)


def _with_metadata(data: bytes, metadata: Metadata, width: int, height: int) -> bytes:
    """Wrap the chunks of a picture in an extended file with metadata.

    Source: RFC 9649, section 2.7.
    """
    if metadata.icc is None and metadata.exif is None and metadata.xmp is None:
        return data
    chunks = riff_chunks(Source(data))
    picture = [
        (kind, data[start : start + length]) for kind, start, length in chunks if kind != b"VP8X"
    ]
    flags = sum(
        flag
        for flag, there in (
            (_HAS_ICC, metadata.icc is not None),
            (_HAS_ALPHA, picture[0][0] == b"ALPH"),
            (_HAS_EXIF, metadata.exif is not None),
            (_HAS_XMP, metadata.xmp is not None),
        )
        if there
    )
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    parts = [
        (b"VP8X", flags.to_bytes(4, "little") + sides),
        (b"ICCP", metadata.icc),
        *picture,
        (b"EXIF", metadata.exif),
        (b"XMP ", metadata.xmp),
    ]
    body = b"WEBP" + b"".join(_chunk(kind, part) for kind, part in parts if part is not None)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def _chunk(kind: bytes, content: bytes) -> bytes:
    return kind + len(content).to_bytes(4, "little") + content + bytes(len(content) % 2)


def _is_still(source: Source, width: int, height: int) -> bool:
    """Return True for an animation of one frame that fills the picture."""
    frames = [chunk for chunk in riff_chunks(source) if chunk.kind == b"ANMF"]
    if len(frames) != 1 or frames[0].length < 16:
        return False
    place = source.take(frames[0].start, 12)
    size = (1 + int.from_bytes(place[at : at + 3], "little") for at in (6, 9))
    return tuple(size) == (width, height)


def _orientation(source: Source, *, announced: bool) -> int:
    """Return the orientation; EXIF that no flag announces is only sought in a loaded file."""
    known = announced or len(source.data) == source.size
    try:
        return exif.orientation(_exif(source)) if known else 1
    except ImageError:  # the file ends early
        return 1


def _exif(source: Source) -> bytes | None:
    for kind, start, length in riff_chunks(source):
        if kind == b"EXIF":
            return source.take(start, length).removeprefix(_EXIF_PREFIX)
    return None


def _header(width: int, height: int, alpha: int = 0, animated: int = 0, turn: int = 1) -> Header:
    if turn >= 5:
        width, height = height, width
    mode = "RGBA" if alpha else "RGB"
    return Header("WEBP", mode, width, height, animated=bool(animated), orientation=turn)
