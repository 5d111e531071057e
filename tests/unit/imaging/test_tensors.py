"""Conversion between pixel arrays and tensors, and luma."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from skimage.color import rgb2ycbcr

from sr_core.imaging.tensors import crop_border, luma_bt601, to_pixels, to_tensor, to_unit_range

UINT8, UINT16 = np.dtype(np.uint8), np.dtype(np.uint16)


def images(dtype: np.dtype[Any]) -> st.SearchStrategy[Any]:
    sides = st.integers(1, 9)
    return arrays.arrays(dtype, st.tuples(sides, sides, st.sampled_from([1, 3])))


@given(st.sampled_from([UINT8, UINT16]).flatmap(images))
def test_pixels_survive_the_way_to_tensors_and_back(pixels: Any) -> None:
    tensor = to_tensor(pixels)
    height, width, channels = pixels.shape
    assert tensor.shape == (1, channels, height, width)
    assert tensor.dtype == torch.float32
    assert tensor.min() >= 0
    assert tensor.max() <= 1
    back = to_pixels(tensor, pixels.dtype)
    assert back.dtype == pixels.dtype
    assert back.flags.c_contiguous
    assert np.array_equal(back, pixels)


def test_every_level_of_16_bits_survives() -> None:
    levels = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    assert np.array_equal(to_pixels(to_tensor(levels), UINT16), levels)


def test_full_range_becomes_the_unit_range() -> None:
    for dtype in (UINT8, UINT16):
        extremes = np.array([[[0], [np.iinfo(dtype).max]]], dtype)
        assert to_tensor(extremes).flatten().tolist() == [0.0, 1.0]


def test_values_are_rounded_and_clamped() -> None:
    values = torch.tensor([-0.5, 0.4 / 255, 0.6 / 255, 254.6 / 255, 1.7]).view(1, 1, 1, 5)
    assert to_pixels(values, UINT8).ravel().tolist() == [0, 0, 1, 255, 255]
    assert to_pixels(values, UINT16).ravel().tolist()[-1] == 65535


def test_views_of_an_image_convert_like_their_copies() -> None:
    pixels = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    assert torch.equal(to_tensor(pixels[::-1, ::2]), to_tensor(pixels[::-1, ::2].copy()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.int16, torch.int32])
def test_other_integers_and_floats_are_refused(dtype: torch.dtype) -> None:
    with pytest.raises(TypeError, match="uint8 or uint16"):
        to_unit_range(torch.zeros(2, 2, dtype=dtype))


def test_luma_is_the_studio_swing_of_bt601() -> None:
    rgb = np.random.default_rng(0).random((7, 5, 3))
    expected = rgb2ycbcr(rgb)[..., 0] / 255
    ours = luma_bt601(torch.from_numpy(rgb).permute(2, 0, 1)[None])
    assert ours.shape == (1, 1, 7, 5)
    assert np.abs(ours[0, 0].numpy() - expected).max() < 1e-6


def test_luma_of_black_and_white() -> None:
    black_white = torch.tensor([0.0, 1.0]).expand(1, 3, 1, 2)
    assert luma_bt601(black_white).flatten().tolist() == pytest.approx([16 / 255, 235 / 255])


def test_border_is_cut_on_each_side() -> None:
    image = torch.arange(30.0).view(1, 1, 5, 6)
    assert torch.equal(crop_border(image, 2), image[..., 2:3, 2:4])
    assert crop_border(image, 0) is image


@pytest.mark.parametrize("border_px", [3, 4])
def test_a_border_that_leaves_nothing_is_refused(border_px: int) -> None:
    with pytest.raises(ValueError, match="leaves nothing"):
        crop_border(torch.zeros(1, 3, 6, 9), border_px)
