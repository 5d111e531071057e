"""JPEG: reading of header, metadata and pixels."""

from __future__ import annotations

import io
import math
import struct
from dataclasses import replace
from functools import partial
from typing import cast

import numpy as np
import simplejpeg
from PIL import JpegImagePlugin

from sr_core import scratch
from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs.formats import Header
from sr_core.imaging.codecs.jpeg import damage
from sr_core.imaging.codecs.jpeg import stream as jpeg_stream
from sr_core.imaging.codecs.jpeg import strips as jpeg_strips
from sr_core.imaging.codecs.jpeg.metadata import ICC, exif_of
from sr_core.imaging.codecs.jpeg.stream import Stream
from sr_core.imaging.codecs.raster import Raster, from_pillow, negative
from sr_core.imaging.codecs.source import Source, jpeg_segments
from sr_core.imaging.codecs.tags import exif
from sr_core.imaging.colour import ColourFacts, Model
from sr_core.imaging.pixels import Pixels
from sr_core.scratch import Blob

_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
_SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}
_MODELS: dict[str, Model] = {"L": "grey", "RGB": "rgb", "CMYK": "cmyk"}


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
    """Decode the pixels. Warnings of libjpeg about scans count as damage, so no truncation passes.

    Raises: ImageError.
    """
    stream = jpeg_stream.read(data)
    decode = partial(_decoded, header=header)
    try:
        found = damage.decoded(stream, decode)
    except _SamplingError:
        return [_through_pillow(stream, header)]
    samples = found.samples
    if header.mode == "CMYK":  # Adobe stores inks inverted, and all writers follow
        samples = negative(samples)
    model = _MODELS[header.mode]
    return [Raster(samples, model, header.orientation, found.warnings, found.damage)]


class _SamplingError(Exception):
    """The sampling factors are not supported by the TurboJPEG API."""


def _decoded(data: Blob, height: int, strict: bool, header: Header) -> Pixels:
    """Decode a JPEG; a large one made of strips is decoded strip by strip.

    Args:
        data: the file.
        height: its height in pixels, which may be less than that of the picture.
        strict: raise ValueError for any warning of libjpeg.
        header: header of the picture.

    Raises: ValueError for damage; ImageError if there is no room for the pixels.
    """
    space = _SPACES[header.mode]
    shape = (height, header.stored_shape[1], len(header.mode))
    try:
        if math.prod(shape) <= scratch.limit_bytes:
            return cast("Pixels", simplejpeg.decode_jpeg(data, space, strict=strict))
        samples = scratch.empty(shape, np.uint8)
        strips = jpeg_strips.split(data)
        if strips is None:
            found = simplejpeg.decode_jpeg(data, space, buffer=samples, strict=strict)
            return samples if found.shape == shape else found
        for rows, strip in strips:
            simplejpeg.decode_jpeg(strip, space, buffer=samples[rows], strict=strict)
    except ValueError as error:
        if "subsampling" in str(error):
            raise _SamplingError from error
        raise
    except ImageError as error:
        if error.error_class is ErrorClass.DECODE:  # strips are missing
            raise ValueError(error.message) from error
        raise
    return samples


def _through_pillow(stream: Stream, header: Header) -> Raster:
    """Decode with Pillow, which knows all sampling factors, but does not report damaged scans.

    It reports a file that ends before the last row, if no end marker hides that.

    Raises: ImageError.
    """
    data = stream.file(end=b"")
    warnings = tuple(f"the JPEG is odd, but whole: {remark}" for remark in stream.remarks)
    try:
        raster = from_pillow(JpegImagePlugin.JpegImageFile(io.BytesIO(data)))
    except OSError as error:
        raise ImageError(ErrorClass.DECODE, f"the JPEG is damaged: {error}") from error
    return replace(raster, orientation=header.orientation, warnings=warnings)
