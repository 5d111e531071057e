"""JPEG: header, metadata, pixels, and writing."""

from __future__ import annotations

import io
import re
import struct
from dataclasses import replace

import numpy as np
import simplejpeg
from PIL import JpegImagePlugin

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs import exif
from sr_core.imaging.codecs.colour import Raster, from_cmyk, from_pillow
from sr_core.imaging.codecs.formats import Header, Metadata
from sr_core.imaging.codecs.source import Source, jpeg_segments
from sr_core.imaging.pixels import Pixels

_EXIF, _XMP, _ICC = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"
_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
_LARGEST_SEGMENT = 65_533
_MAX_SCANS = 500
"""A progressive picture is decoded once per scan, so that a small file could cost hours."""

# Padding in front of the end marker. Cameras write some; a damaged scan can leave some too.
_PADDED = re.compile(r"extraneous bytes before marker 0xd9")


def header(source: Source) -> Header:
    """Read size, components and orientation.

    Raises: ImageError, NeedMoreBytes.
    """
    turn, frame = 1, b""
    for kind, start, length in jpeg_segments(source):
        if kind == b"\xe1" and turn == 1 and source.take(start, min(6, length)) == _EXIF:
            turn = exif.orientation(source.take(start + 6, length - 6))
        elif 0xC0 <= kind[0] <= 0xCF and kind not in b"\xc4\xc8\xcc":
            frame = source.take(start, length)
    if len(frame) < 6:
        raise ImageError(ErrorClass.DECODE, "the JPEG has no frame header")
    depth, height, width, components = struct.unpack(">BHHB", frame[:6])
    if depth != 8 or components not in _MODES:
        raise ImageError(
            ErrorClass.UNSUPPORTED_MODE,
            f"JPEG of {components} components of {depth} bits is not supported",
        )
    if turn >= 5:
        width, height = height, width
    return Header("JPEG", _MODES[components], width, height, orientation=turn)


def metadata(source: Source, notes: list[str]) -> Metadata:
    """Collect EXIF, XMP, ICC and resolution from the application segments."""
    found: dict[str, bytes] = {}
    profile: dict[int, bytes] = {}
    dpi = None
    for kind, start, length in jpeg_segments(source):
        if kind not in b"\xe0\xe1\xe2":
            continue
        body = source.take(start, length)
        if kind == b"\xe0" and body.startswith(b"JFIF\0") and length >= 12:
            dpi = _jfif_dpi(body)
        elif kind == b"\xe1" and body.startswith(_EXIF):
            found.setdefault("exif", body[len(_EXIF) :])
        elif kind == b"\xe1" and body.startswith(_XMP):
            found.setdefault("xmp", body[len(_XMP) :])
        elif kind == b"\xe2" and body.startswith(_ICC) and length > 14:
            profile.setdefault(body[12], body[14:])
        elif kind == b"\xe2" and body.startswith(b"MPF\0"):
            notes.append("only the main picture of several in the JPEG was kept")
    icc = b"".join(profile[number] for number in sorted(profile))
    return Metadata(found.get("exif"), found.get("xmp"), icc or None, dpi)


def rasters(data: bytes, header: Header, icc: bytes | None) -> list[Raster]:
    """Decode the pixels. Whatever libjpeg warns of is damage, so a cut scan never passes.

    Raises: ImageError.
    """
    if data.count(b"\xff\xda") > _MAX_SCANS:
        raise ImageError(ErrorClass.DECODE, f"the JPEG has more than {_MAX_SCANS} scans")
    colourspace = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}[header.mode]
    data = _bare(data)
    warnings: tuple[str, ...] = ()
    try:
        samples = simplejpeg.decode_jpeg(data, colourspace)
    except ValueError as error:
        if "subsampling" in str(error):  # unusual factors, which TurboJPEG's interface refuses
            raster = from_pillow(JpegImagePlugin.JpegImageFile(io.BytesIO(data)), icc)
            return [replace(raster, orientation=header.orientation)]
        if not _PADDED.search(str(error)):
            raise ImageError(ErrorClass.DECODE, f"the JPEG is damaged: {error}") from error
        samples = simplejpeg.decode_jpeg(data, colourspace, strict=False)
        warnings = (f"the JPEG may be damaged: {error}",)
    if header.mode == "CMYK":
        raster = from_cmyk(samples, icc, inverted=True)
        warnings += raster.warnings
        return [replace(raster, orientation=header.orientation, warnings=warnings)]
    return [Raster(samples, icc, header.orientation, warnings)]


def _bare(data: bytes) -> bytes:
    """Leave out what says nothing of pixels, so that damage in metadata is not taken for theirs.

    Adobe's segment stays; it tells the colour transform.
    """
    kept: list[bytes | memoryview] = [data[:2]]
    for kind, start, length in jpeg_segments(Source(data)):
        if kind == b"\xda":
            kept.append(memoryview(data)[start - 4 :])
        elif kind in b"\xe0\xee" or not (0xE0 <= kind[0] <= 0xEF or kind == b"\xfe"):
            kept.append(memoryview(data)[start - 4 : start + length])
    return b"".join(kept)


def encode(pixels: Pixels, quality: int, metadata: Metadata) -> bytes:
    """Write (H, W, 1 | 3) uint8 without chroma subsampling, with the metadata that fits.

    Source: ITU-T T.871 (JFIF), EXIF 2.32 section 4.5, ICC.1:2022 annex B.4, XMP part 3.
    """
    grey = pixels.shape[2] == 1
    data: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(pixels),
        quality,
        "GRAY" if grey else "RGB",
        "Gray" if grey else "444",
    )
    segments = [data[:20] if metadata.dpi is None else _with_density(data[:20], metadata.dpi)]
    segments += [
        _segment(b"\xe1", body)
        for body in _blocks(metadata).values()
        if len(body) <= _LARGEST_SEGMENT
    ]
    icc = metadata.icc or b""
    room = _LARGEST_SEGMENT - 14
    parts = [icc[at : at + room] for at in range(0, len(icc), room)]
    if len(parts) < 256:
        segments += [
            _segment(b"\xe2", _ICC + bytes([number, len(parts)]) + part)
            for number, part in enumerate(parts, 1)
        ]
    return b"".join([*segments, memoryview(data)[20:]])


def losses(metadata: Metadata) -> list[str]:
    """Name the metadata that are too long for JPEG's segments."""
    return [
        f"{name} of {len(body)} bytes does not fit into JPEG and was dropped"
        for name, body in _blocks(metadata).items()
        if len(body) > _LARGEST_SEGMENT
    ]


def _blocks(metadata: Metadata) -> dict[str, bytes]:
    blocks = {"EXIF": (_EXIF, metadata.exif), "XMP": (_XMP, metadata.xmp)}
    return {name: prefix + body for name, (prefix, body) in blocks.items() if body is not None}


def _segment(kind: bytes, body: bytes) -> bytes:
    return b"\xff" + kind + struct.pack(">H", len(body) + 2) + body


def _jfif_dpi(body: bytes) -> tuple[float, float] | None:
    unit, wide, high = struct.unpack(">BHH", body[7:12])
    if unit not in (1, 2) or not (wide and high):
        return None
    factor = 2.54 if unit == 2 else 1.0
    return wide * factor, high * factor


def _with_density(start: bytes, dpi: tuple[float, float]) -> bytes:
    """Put the resolution into the JFIF segment that every encoder writes first."""
    wide, high = (min(65_535, max(1, round(value))) for value in dpi)
    return start[:13] + struct.pack(">BHH", 1, wide, high) + start[18:]
