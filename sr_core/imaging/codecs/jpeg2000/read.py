"""JPEG 2000: reading of header, metadata and pixels."""

from __future__ import annotations

import struct
from contextlib import suppress

import imagecodecs

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs.formats import Header
from sr_core.imaging.codecs.jpeg2000 import colour as jp2_colour
from sr_core.imaging.codecs.jpeg2000.colour import CMYK, LAB, SYCC, Container
from sr_core.imaging.codecs.jpeg2000.metadata import exif_of
from sr_core.imaging.codecs.raster import Raster, model_of, straight, widened
from sr_core.imaging.codecs.source import NeedMoreBytes, Source
from sr_core.imaging.codecs.tags import exif
from sr_core.imaging.colour import CHANNELS, ColourFacts, Model
from sr_core.imaging.pixels import Pixels
from sr_core.imaging.strips import map_strips
from sr_core.scratch import Blob

_START = b"\xff\x4f\xff\x51"  # start of codestream, and the size segment that must follow
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA", 5: "RGBA"}


def header(source: Source) -> Header:
    """Read size and samples from the header of the codestream, which the decoder uses.

    Raises: ImageError, NeedMoreBytes.
    Source: ITU-T T.800, A.5.1 (SIZ).
    """
    found = _container(source)
    start, space = found.codestream, found.space
    if source.take(start, 4) != _START:
        raise ImageError(ErrorClass.DECODE, "the JPEG 2000 has no codestream")
    right, low, left, top = struct.unpack(">4I", source.take(start + 8, 16))
    count = source.number(start + 40, 2)
    if right <= left or low <= top or count == 0:
        raise ImageError(ErrorClass.DECODE, "the JPEG 2000 has no size")
    samples = {source.take(start + 42 + 3 * index, 3) for index in range(min(count, 6))}
    depth = next(iter(samples))[0] + 1  # signed samples set the highest bit: a depth above 128
    alike = len(samples) == 1 or (space == SYCC and len({each[0] for each in samples}) == 1)
    if not alike or count not in _MODES or depth > 16:
        raise ImageError(
            ErrorClass.UNSUPPORTED_MODE,
            f"JPEG 2000 of {count} components of {depth} bits in colour space {space} "
            "is not supported",
        )
    turn = 1
    with suppress(NeedMoreBytes):  # EXIF follows the picture; a prefix of the file does without
        turn = exif.orientation(exif_of(source))
    width, height = right - left, low - top
    if turn >= 5:
        width, height = height, width
    return Header(
        "JPEG2000",
        _mode(found, count) + (";16" if depth > 8 else ""),
        width,
        height,
        bit_depth=depth,
        orientation=turn,
    )


def colours(source: Source, notes: list[str]) -> list[ColourFacts]:  # noqa: ARG001 - as all formats
    """Return the colour specification.

    Raises: ImageError with class unsupported_colour for an unknown space.
    """
    return [jp2_colour.facts(_container(source), header(source).bit_depth)]


def rasters(data: Blob, header: Header) -> list[Raster]:
    """Decode the pixels.

    Raises: ImageError, and any exception of imagecodecs.
    """
    found = _container(Source(data))
    # The decoder converts sYCC to RGB, but must not convert by a profile.
    plain = data if found.space == SYCC else jp2_colour.without_colour(data, found)
    try:
        decoded = imagecodecs.jpeg2k_decode(plain, numthreads=1)
    except NotImplementedError as error:
        raise ImageError(ErrorClass.UNSUPPORTED_MODE, f"JPEG 2000: {error}") from error
    samples = widened(decoded, header.bit_depth)
    mode = header.mode.partition(";")[0]
    model: Model = "cmyk" if mode.startswith("CMYK") else "lab" if mode == "LAB" else "rgb"
    if model == "rgb":
        model = model_of(samples)
    samples, warnings = _without_extras(samples, model, found)
    return [Raster(samples, model, header.orientation, warnings)]


def _without_extras(
    samples: Pixels, model: Model, found: Container
) -> tuple[Pixels, tuple[str, ...]]:
    """Keep colours and alpha; name other channels in a warning.

    Without channel definitions the channel after the colours is alpha.
    """
    count = CHANNELS[model]
    if samples.ndim == 2 or samples.shape[2] == count:
        return samples, ()
    alpha = found.alpha
    if not found.channels:
        alpha = (count, False)
    extra = samples.shape[2] - count - (alpha is not None)
    warnings = (f"dropped: extra channels that are not transparency: {extra}",) if extra else ()
    if alpha is None:
        return samples[:, :, :count], warnings
    if extra or alpha[0] != count:
        chosen = [*(index for index in range(count + 1) if index != alpha[0])][:count]
        chosen.append(min(alpha[0], samples.shape[2] - 1))
        samples = map_strips(lambda rows: rows[:, :, chosen], samples, dtype=samples.dtype)
    return (straight(samples) if alpha[1] else samples), warnings


def _mode(found: Container, count: int) -> str:
    """Return the mode, as in `Header.mode`: the channels of a palette are the picture's."""
    count = found.palette or count
    icc = found.body[16:20] if found.space is None else b""
    if found.space == CMYK or (icc == b"CMYK" and count >= 4):
        return "CMYK" if count == 4 else "CMYKA"
    if found.space == LAB or icc == b"Lab ":
        return "LAB"
    if found.space == SYCC:
        return "YCbCr"
    mode = _MODES.get(count, "RGB")
    has_alpha = found.alpha is not None or not found.channels
    return mode if has_alpha else mode.removesuffix("A")


def _container(source: Source) -> Container:
    return Container(0) if source.take(0, 4) == _START else jp2_colour.container(source)
