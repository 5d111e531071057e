"""WebP: the rows of a file that ends early, by libwebp's own incremental decoder.

imagecodecs decodes whole files only. Its libwebp, already loaded into the process, can do both.

Source: decode.h of libwebp (WebPIDecoder).
"""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sr_core import scratch
from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.pixels import Pixels
from sr_core.scratch import Blob

_OK, _SUSPENDED = 0, 5  # VP8StatusCode
_RGB, _RGBA = 0, 1  # WEBP_CSP_MODE


class Rows(NamedTuple):
    """The decoded top of a picture."""

    samples: Pixels
    """(H, W, 3 | 4) of the whole size; rows that are not known are 0."""
    known: int
    """Number of decoded rows."""
    ended: bool
    """True if the file ends before the picture, False if the picture is damaged."""


def decode_rows(data: Blob, shape: tuple[int, int, int]) -> Rows:
    """Decode as many rows as the file has.

    Args:
        data: the file.
        shape: height, width and channels.

    Raises: ImageError if libwebp cannot be used, or does not know the file.
    """
    library = _library()
    samples: Pixels = scratch.empty(shape, np.uint8)
    samples[:] = 0
    view = np.frombuffer(data, np.uint8)  # keeps the file in place, without a copy
    stride = shape[1] * shape[2]
    address = library.WebPINewRGB(
        _RGBA if shape[2] == 4 else _RGB,
        ctypes.c_void_p(samples.ctypes.data),
        ctypes.c_size_t(samples.nbytes),
        ctypes.c_int(stride),
    )
    if address is None:
        raise MemoryError
    decoder = ctypes.c_void_p(address)
    try:
        status = library.WebPIUpdate(
            decoder, ctypes.c_void_p(view.ctypes.data), ctypes.c_size_t(len(data))
        )
        known, wide, high = ctypes.c_int(0), ctypes.c_int(0), ctypes.c_int(0)
        found = library.WebPIDecGetRGB(
            decoder, ctypes.byref(known), ctypes.byref(wide), ctypes.byref(high), None
        )
    finally:
        library.WebPIDelete(decoder)
    rows = known.value if found else 0
    if found and (high.value, wide.value) != shape[:2]:
        raise ImageError(ErrorClass.DECODE, "the WebP has another size than its header says")
    return Rows(samples, shape[0] if status == _OK else rows, status == _SUSPENDED)


@functools.cache
def _library() -> ctypes.CDLL:
    """Return libwebp as imagecodecs loaded it: symbols are looked up through its extension."""
    try:
        from imagecodecs import _webp  # noqa: PLC0415 - absent in builds without WebP

        library = ctypes.CDLL(str(Path(_webp.__file__)))
        library.WebPINewRGB.restype = ctypes.c_void_p
        library.WebPIDecGetRGB.restype = ctypes.c_void_p
    except (AttributeError, ImportError, OSError) as error:
        raise ImageError(
            ErrorClass.DECODE, f"the WebP is damaged, and libwebp cannot be used: {error}"
        ) from error
    return library
