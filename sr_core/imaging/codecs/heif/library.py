"""HEIF: libheif, through pillow-heif, which is an extra."""

from __future__ import annotations

import importlib.util
from functools import cache
from types import ModuleType

from sr_core.errors import ErrorClass, ImageError

MISSING = "HEIC and HEIF need pillow-heif: pip install pillow-heif, then --retry-failed"


def check_installed() -> None:
    """Refuse the file if pillow-heif is not installed.

    Raises: ImageError with class unsupported_format.
    """
    if importlib.util.find_spec("pillow_heif") is None:
        raise ImageError(ErrorClass.UNSUPPORTED_FORMAT, MISSING)


@cache
def library() -> ModuleType:
    """Return pillow-heif, set up to decode in the calling thread and the main picture alone.

    Raises: ImageError with class unsupported_format if it is not installed.
    """
    check_installed()
    import pillow_heif  # noqa: PLC0415 - an extra

    pillow_heif.options.DECODE_THREADS = 1
    pillow_heif.options.THUMBNAILS = False
    pillow_heif.options.DEPTH_IMAGES = False
    pillow_heif.options.AUX_IMAGES = False
    return pillow_heif
