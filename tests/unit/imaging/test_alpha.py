"""Transparency: invisible colours do not bleed, opaque ones stay."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sr_core.imaging.alpha import premultiply, resize_alpha, unpremultiply


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@given(data=st.data())
def test_unpremultiply_undoes_premultiply_where_there_is_colour(
    dtype: type[np.uint8], data: st.DataObject
) -> None:
    top = int(np.iinfo(dtype).max)
    pixels = data.draw(arrays(dtype, (3, 4, 3)))
    alpha = data.draw(arrays(dtype, (3, 4), elements=st.integers(top // 8, top)))
    found = unpremultiply(premultiply(pixels, alpha), alpha)
    # Division by alpha magnifies a rounding of 1/65535 at most 8 times.
    assert np.abs(found.astype(int) - pixels.astype(int)).max() <= (0 if top == 255 else 5)
    assert found.dtype == dtype


def test_invisible_pixels_get_no_colour() -> None:
    pixels = np.full((2, 2, 3), 200, np.uint8)
    alpha = np.array([[0, 255], [255, 0]], np.uint8)
    found = unpremultiply(premultiply(pixels, alpha), alpha)
    assert found[0, 0].tolist() == [0, 0, 0]
    assert found[0, 1].tolist() == [200, 200, 200]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_alpha_is_resized_by_lanczos_in_its_range(dtype: type[np.uint8]) -> None:
    top = int(np.iinfo(dtype).max)
    alpha = np.zeros((6, 8), dtype)
    alpha[:, 4:] = top
    large = resize_alpha(alpha, 24, 32)
    assert (large.shape, large.dtype) == ((24, 32), dtype)
    assert large[:, :8].max() <= 0.02 * top
    assert large[:, 24:].min() >= 0.98 * top
    assert 0 < large[12, 15] < large[12, 16] < top
