"""ICC profiles of JPEG XL, and pixels decoded to them, by libjxl's own interface.

imagecodecs does not return the profile of a picture, and decodes lossy pictures (XYB) that have one
to linear sRGB of 8 bits. Its libjxl, already loaded into the process, can do both.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from sr_core import scratch
from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.pixels import Pixels
from sr_core.scratch import Blob

_OLDEST = 9_000  # version 0.9: the interface of colour profiles as it is used here
# JxlDecoderStatus and events of libjxl's decode.h.
_SUCCESS, _NEED_BUFFER, _COLOURS, _WHOLE = 0, 5, 0x100, 0x1000
_ORIGINAL = 0  # JXL_COLOR_PROFILE_TARGET_ORIGINAL
_UINT8, _UINT16 = 2, 3  # JxlDataType
_FROM_CODESTREAM = 1  # JXL_BIT_DEPTH_FROM_CODESTREAM
_MAX_PROFILE_BYTES = 1 << 24


class _PixelFormat(ctypes.Structure):
    _fields_ = (
        ("channels", ctypes.c_uint32),
        ("type", ctypes.c_int),
        ("endianness", ctypes.c_int),
        ("align", ctypes.c_size_t),
    )


class _BitDepth(ctypes.Structure):
    _fields_ = (("kind", ctypes.c_int), ("bits", ctypes.c_uint32), ("exponent", ctypes.c_uint32))


class _Cms(ctypes.Structure):
    _fields_ = tuple((f"pointer_{index}", ctypes.c_void_p) for index in range(8))


def profile(data: Blob) -> bytes:
    """Return the ICC profile of a picture.

    Raises: ImageError with class decode, or unsupported_colour if this libjxl cannot be used.
    """
    with _at_colours(data) as (library, decoder):
        return _profile(library, decoder)


def decode(data: Blob, shape: tuple[int, int, int], *, deep: bool) -> Pixels:
    """Decode a picture to the colours of its own ICC profile.

    Args:
        data: the file.
        shape: height, width and channels, upright.
        deep: True for uint16, False for uint8; samples keep the bit depth of the file.

    Raises: ImageError as `profile` does.
    """
    samples: Pixels = scratch.empty(shape, np.uint16 if deep else np.uint8)
    layout = _PixelFormat(shape[2], _UINT16 if deep else _UINT8, 0, 0)
    with _at_colours(data) as (library, decoder):
        icc = _profile(library, decoder)
        _check(library.JxlDecoderSetCms(decoder, library.JxlGetDefaultCms().contents))
        if library.JxlDecoderSetOutputColorProfile(decoder, None, icc, len(icc)) != _SUCCESS:
            raise ImageError(
                ErrorClass.UNSUPPORTED_COLOUR, "lossy JPEG XL whose ICC profile cannot be inverted"
            )
        _expect(library, decoder, _NEED_BUFFER)
        address = ctypes.c_void_p(samples.ctypes.data)
        _check(
            library.JxlDecoderSetImageOutBuffer(
                decoder, ctypes.byref(layout), address, samples.nbytes
            )
        )
        depth = _BitDepth(_FROM_CODESTREAM, 0, 0)
        _check(library.JxlDecoderSetImageOutBitDepth(decoder, ctypes.byref(depth)))
        _expect(library, decoder, _WHOLE)
    return samples


@functools.cache
def _library() -> ctypes.CDLL:
    """Return libjxl as imagecodecs loaded it: symbols are looked up through its extension."""
    try:
        from imagecodecs import _jpegxl  # noqa: PLC0415 - absent in builds without JPEG XL

        library = ctypes.CDLL(str(Path(_jpegxl.__file__)))
        if library.JxlDecoderVersion() < _OLDEST:
            raise OSError("libjxl is too old")
        for name in ("JxlDecoderSetOutputColorProfile", "JxlDecoderSetCms"):
            getattr(library, name)
        library.JxlDecoderCreate.restype = ctypes.c_void_p
        library.JxlGetDefaultCms.restype = ctypes.POINTER(_Cms)
        library.JxlDecoderSetCms.argtypes = (ctypes.c_void_p, _Cms)
    except (AttributeError, ImportError, OSError) as error:
        raise ImageError(
            ErrorClass.UNSUPPORTED_COLOUR,
            f"JPEG XL with an ICC profile needs libjxl 0.9 of imagecodecs' wheels: {error}",
        ) from error
    return library


@contextmanager
def _at_colours(data: Blob) -> Iterator[tuple[ctypes.CDLL, ctypes.c_void_p]]:
    """Yield libjxl and a decoder that has read the colour encoding."""
    library = _library()
    address = library.JxlDecoderCreate(None)
    if address is None:
        raise MemoryError
    decoder = ctypes.c_void_p(address)
    view = np.frombuffer(data, np.uint8)  # keeps the file in place, without a copy
    try:
        _check(library.JxlDecoderSubscribeEvents(decoder, _COLOURS | _WHOLE))
        start = ctypes.c_void_p(view.ctypes.data)
        _check(library.JxlDecoderSetInput(decoder, start, ctypes.c_size_t(view.nbytes)))
        library.JxlDecoderCloseInput(decoder)
        _expect(library, decoder, _COLOURS)
        yield library, decoder
    finally:
        library.JxlDecoderDestroy(decoder)


def _profile(library: ctypes.CDLL, decoder: ctypes.c_void_p) -> bytes:
    size = ctypes.c_size_t()
    _check(library.JxlDecoderGetICCProfileSize(decoder, _ORIGINAL, ctypes.byref(size)))
    if size.value > _MAX_PROFILE_BYTES:
        raise ImageError(ErrorClass.DECODE, f"an ICC profile of {size.value} bytes")
    buffer = ctypes.create_string_buffer(size.value)
    _check(library.JxlDecoderGetColorAsICCProfile(decoder, _ORIGINAL, buffer, size))
    return buffer.raw


def _expect(library: ctypes.CDLL, decoder: ctypes.c_void_p, event: int) -> None:
    found = library.JxlDecoderProcessInput(decoder)
    if found != event:
        raise ImageError(ErrorClass.DECODE, f"the JPEG XL is damaged: libjxl status {found}")


def _check(status: int) -> None:
    if status != _SUCCESS:
        raise ImageError(ErrorClass.DECODE, f"the JPEG XL is damaged: libjxl status {status}")
