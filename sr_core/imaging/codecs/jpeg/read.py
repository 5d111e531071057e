"""JPEG: reading of header, metadata and pixels."""

from __future__ import annotations

import io
import math
import re
import struct
from dataclasses import replace
from itertools import islice
from typing import cast

import numpy as np
import simplejpeg
from PIL import JpegImagePlugin

from sr_core import scratch
from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs.formats import Header
from sr_core.imaging.codecs.jpeg import strips as jpeg_strips
from sr_core.imaging.codecs.jpeg.metadata import ICC, exif_of
from sr_core.imaging.codecs.raster import Raster, from_pillow, negative
from sr_core.imaging.codecs.source import Source, jpeg_segments
from sr_core.imaging.codecs.tags import exif
from sr_core.imaging.colour import ColourFacts, Model
from sr_core.imaging.pixels import Pixels
from sr_core.scratch import Blob

_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
_SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}
_MODELS: dict[str, Model] = {"L": "grey", "RGB": "rgb", "CMYK": "cmyk"}
_MAX_SCANS = 500
"""Most scans of a picture. Each scan costs a pass over all pixels, so that a small progressive file
could take hours."""

_SCAN = re.compile(rb"\xff\xda")
# Padding before the end marker. Some cameras write it; a damaged scan can leave it as well.
_PADDED = re.compile(r"extraneous bytes before marker 0xd9")


def header(source: Source) -> Header:
    """Read size, components and orientation.

    Raises: ImageError, NeedMoreBytes.
    """
    frame = b""
    for kind, start, length in jpeg_segments(source):
        if 0xC0 <= kind[0] <= 0xCF and kind not in b"\xc4\xc8\xcc":
            frame = source.take(start, length)
    if len(frame) < 6:
        raise ImageError(ErrorClass.DECODE, "the JPEG has no frame header")
    depth, height, width, components = struct.unpack(">BHHB", frame[:6])
    if depth != 8 or components not in _MODES:
        raise ImageError(
            ErrorClass.UNSUPPORTED_MODE,
            f"JPEG of {components} components of {depth} bits is not supported",
        )
    turn = exif.orientation(exif_of(source))
    if turn >= 5:
        width, height = height, width
    return Header("JPEG", _MODES[components], width, height, orientation=turn)


def colours(source: Source, notes: list[str]) -> list[ColourFacts]:  # noqa: ARG001 - as all formats
    """Join the ICC profile of its segments.

    Source: ICC.1:2022, annex B.4.
    """
    profile: dict[int, bytes] = {}
    for kind, start, length in jpeg_segments(source):
        if kind == b"\xe2" and length > 14 and source.take(start, len(ICC)) == ICC:
            body = source.take(start, length)
            profile.setdefault(body[12], body[14:])
    icc = b"".join(profile[number] for number in sorted(profile))
    return [ColourFacts(icc=icc or None)]


def rasters(data: Blob, header: Header) -> list[Raster]:
    """Decode the pixels. Warnings of libjpeg count as damage, so a truncated scan never passes.

    Raises: ImageError.
    """
    if len(list(islice(_SCAN.finditer(data), _MAX_SCANS + 1))) > _MAX_SCANS:
        raise ImageError(ErrorClass.DECODE, f"the JPEG has more than {_MAX_SCANS} scans")
    data = _bare(data)
    warnings: tuple[str, ...] = ()
    try:
        samples = _decoded(data, header)
    except ValueError as error:
        if "subsampling" in str(error):  # factors that the TurboJPEG API does not support
            raster = from_pillow(JpegImagePlugin.JpegImageFile(io.BytesIO(data)))
            return [replace(raster, orientation=header.orientation)]
        if not _PADDED.search(str(error)):
            raise ImageError(ErrorClass.DECODE, f"the JPEG is damaged: {error}") from error
        samples = simplejpeg.decode_jpeg(data, _SPACES[header.mode], strict=False)
        warnings = (f"the JPEG may be damaged: {error}",)
    if header.mode == "CMYK":  # Adobe stores inks inverted, and all writers follow
        samples = negative(samples)
    return [Raster(samples, _MODELS[header.mode], header.orientation, warnings)]


def _decoded(data: Blob, header: Header) -> Pixels:
    """Decode a JPEG; a large one made of strips is decoded strip by strip.

    Raises: ValueError from simplejpeg; ImageError.
    """
    space = _SPACES[header.mode]
    shape = (*header.stored_shape, len(header.mode))
    if math.prod(shape) <= scratch.limit_bytes:
        return cast("Pixels", simplejpeg.decode_jpeg(data, space))
    samples = scratch.empty(shape, np.uint8)
    strips = jpeg_strips.split(data)
    if strips is None:
        found = simplejpeg.decode_jpeg(data, space, buffer=samples)
        return samples if found.shape == shape else found
    for rows, strip in strips:
        simplejpeg.decode_jpeg(strip, space, buffer=samples[rows])
    return samples


def _bare(data: Blob) -> Blob:
    """Drop segments that do not affect pixels, so that damaged metadata is not taken for theirs.

    The JFIF and Adobe segments stay: they define the colour transform.
    """
    bare, view = scratch.Spool(), memoryview(data)
    bare.write(view[:2])
    for kind, start, length in jpeg_segments(Source(data)):
        if kind == b"\xda":
            bare.write(view[start - 4 :])
        elif kind in b"\xe0\xee" or not (0xE0 <= kind[0] <= 0xEF or kind == b"\xfe"):
            bare.write(view[start - 4 : start + length])
    return bare.finish()
