"""Shortcuts for decoding in tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs import Limits, Page, decode
from tests.support.image_files import LIMITS


def only_page(data: bytes) -> Page:
    """Decode a file of one page."""
    (page,) = decode(data, LIMITS).pages
    return page


def refusal(data: bytes, limits: Limits = LIMITS) -> ErrorClass:
    """Return the class of the error with which decoding fails."""
    with pytest.raises(ImageError) as caught:
        decode(data, limits)
    return caught.value.error_class


def samples(page: Page) -> NDArray[Any]:
    """Return pixels and alpha as one array, (H, W) for opaque grey."""
    if page.alpha is not None:
        return np.concatenate([page.pixels, page.alpha[..., None]], 2)
    return page.pixels[..., 0] if page.pixels.shape[2] == 1 else page.pixels
