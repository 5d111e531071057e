"""Interpolation against Pillow and against independently written matrices."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from sr_core.imaging.pixels import Pixels
from sr_core.imaging.resample import degrade, resize, resize_pixels
from sr_core.imaging.spans import spans
from sr_core.imaging.tensors import to_pixels, to_tensor
from tests.support.photograph import photograph

Smooth = Literal["bilinear", "bicubic"]
UINT8 = np.dtype(np.uint8)
PILLOW = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}
SIZES = [(240, 300), (120, 150), (30, 38), (15, 19), (77, 53), (61, 200), (1, 1), (60, 1)]


def pillow(pixels: Pixels, height: int, width: int, interpolation: str) -> NDArray[np.int64]:
    resized = Image.fromarray(pixels).resize((width, height), PILLOW[interpolation])
    return np.asarray(resized).astype(np.int64)


def kernel(distance: float, interpolation: Smooth) -> float:
    """Evaluate Keys' cubic with a = -0.5, written after the paper, or the triangle."""
    d = abs(distance)
    if interpolation == "bilinear":
        return max(1 - d, 0.0)
    if d <= 1:
        return 1.5 * d**3 - 2.5 * d**2 + 1
    return -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2 if d < 2 else 0.0


def matrix(size_in: int, size_out: int, interpolation: Smooth, border: str) -> NDArray[np.float64]:
    """Return one axis' weights as in MATLAB's imresize, with its mirrored or Pillow's border."""
    scale = size_out / size_in
    widen = min(scale, 1.0)
    reach = (2 if interpolation == "bicubic" else 1) / widen
    result = np.zeros((size_out, size_in))
    for out in range(1, size_out + 1):
        u = out / scale + 0.5 * (1 - 1 / scale)  # MATLAB counts from 1
        for tap in range(math.floor(u - reach), math.ceil(u + reach) + 1):
            weight = widen * kernel(widen * (u - tap), interpolation)
            if border == "mirror":
                folded = (tap - 1) % (2 * size_in)
                result[out - 1, min(folded, 2 * size_in - 1 - folded)] += weight
            elif 1 <= tap <= size_in:
                result[out - 1, tap - 1] += weight
    return result / result.sum(axis=1, keepdims=True)


def exact(pixels: Pixels, height: int, width: int, kind: Smooth, border: str) -> Any:
    rows = matrix(pixels.shape[0], height, kind, border)
    columns = matrix(pixels.shape[1], width, kind, border)
    values = np.einsum("ij,jkc->ikc", rows, pixels.astype(np.float64))
    values = np.einsum("lk,ikc->ilc", columns, values)
    return values.clip(0, np.iinfo(pixels.dtype).max)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_agrees_with_pillow_within_its_rounding(size: tuple[int, int], interpolation: Any) -> None:
    source = photograph(60, 75)
    ours = resize_pixels(source, *size, interpolation).astype(np.int64)
    # Pillow rounds to 8 bits between the two passes.
    assert np.abs(ours - pillow(source, *size, interpolation)).max() <= 1


@pytest.mark.parametrize("size", [(240, 300), (120, 150), (30, 38), (15, 19), (1, 1), (60, 1)])
def test_nearest_is_pillows_nearest(size: tuple[int, int]) -> None:
    source = photograph(60, 75)
    assert np.array_equal(resize_pixels(source, *size, "nearest"), pillow(source, *size, "nearest"))


@given(size_in=st.integers(1, 400), size_out=st.integers(1, 400))
def test_nearest_takes_the_input_in_which_the_centre_lies(size_in: int, size_out: int) -> None:
    """Many centres lie on an edge, for which Pillow's result depends on rounding errors."""
    column = np.arange(size_in, dtype=np.uint16)[:, None, None]
    centres = [Fraction(2 * out + 1, 2) * Fraction(size_in, size_out) for out in range(size_out)]
    assert resize_pixels(column, size_out, 1, "nearest").ravel().tolist() == [
        math.floor(centre) for centre in centres
    ]


@pytest.mark.parametrize("factor", [4, 3, 2, 1 / 2, 1 / 4])
def test_bicubic_is_matlabs_imresize_inside_the_border(factor: float) -> None:
    source = photograph(96, 72)
    height, width = round(96 * factor), round(72 * factor)
    ours = resize_pixels(source, height, width, "bicubic")
    matlab = exact(source, height, width, "bicubic", "mirror")
    reach = math.ceil(2 * max(factor, 1))
    inside = np.s_[reach:-reach, reach:-reach]
    assert np.abs(ours[inside] - matlab[inside]).max() <= 0.5 + 1e-3


@given(
    size_in=st.tuples(st.integers(1, 200), st.integers(1, 40)),
    size_out=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    channels=st.sampled_from([1, 3]),
    dtype=st.sampled_from([np.uint8, np.uint16]),
    interpolation=st.sampled_from(["bilinear", "bicubic"]),
)
def test_is_the_float64_interpolation_rounded_at_any_size(
    size_in: tuple[int, int],
    size_out: tuple[int, int],
    channels: int,
    dtype: Any,
    interpolation: Any,
) -> None:
    """For images larger than a tile, no seam may be visible."""
    source = np.random.default_rng(1).integers(
        0, np.iinfo(dtype).max, (*size_in, channels), dtype, endpoint=True
    )
    ours = resize_pixels(source, *size_out, interpolation)
    assert ours.dtype == dtype
    assert ours.flags.c_contiguous
    error = np.abs(ours - exact(source, *size_out, interpolation, "cut"))
    assert error.max() <= 0.5 + 1e-6 * np.iinfo(dtype).max


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("size_in", "size_out"),
    [((3, 700), (11, 2800)), ((23, 3333), (6, 834)), ((4, 2100), (9, 2090)), ((9, 900), (4, 2500))],
)
def test_windows_side_by_side_show_no_seam(
    size_in: tuple[int, int], size_out: tuple[int, int], channels: int
) -> None:
    source = np.random.default_rng(4).integers(0, 256, (*size_in, channels), np.uint8)
    error = np.abs(
        resize_pixels(source, *size_out, "bicubic") - exact(source, *size_out, "bicubic", "cut")
    )
    assert error.max() <= 0.5 + 1e-4


def test_positions_do_not_drift_far_from_the_origin() -> None:
    """Float32 positions, as in torch, would be off by several 16-bit levels here."""
    source = np.random.default_rng(2).integers(0, 65536, (1, 4_096, 1), np.uint16)
    ours = resize_pixels(source, 1, 1_365, "bicubic")
    assert np.abs(ours - exact(source, 1, 1_365, "bicubic", "cut")).max() <= 0.6


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(300, 244), (40, 33), (91, 87)])
def test_is_the_tensor_interpolation_of_the_whole(
    interpolation: Any, size: tuple[int, int]
) -> None:
    source = photograph(80, 61)
    whole = to_pixels(resize(to_tensor(source), *size, interpolation), UINT8)
    difference = np.abs(resize_pixels(source, *size, interpolation).astype(np.int64) - whole)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.005  # halves, rounded either way


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("level", [0, 1, 254, 255])
def test_a_flat_image_stays_flat(interpolation: Any, level: int) -> None:
    flat = np.full((37, 23, 3), level, np.uint8)
    for size in [(148, 92), (9, 5), (200, 10)]:
        assert (resize_pixels(flat, *size, interpolation) == level).all()


def test_overshoot_is_clamped_instead_of_wrapping() -> None:
    edge = np.zeros((8, 8, 1), np.uint8)
    edge[:, 4:] = 255
    enlarged = resize_pixels(edge, 32, 32, "bicubic")
    assert (enlarged[:, :12] == 0).all()
    assert (enlarged[:, 20:] == 255).all()


def test_takes_views_and_read_only_images() -> None:
    source = photograph(40, 50)
    view = source[::-1, ::2]
    copy = view.copy()
    copy.flags.writeable = False
    assert np.array_equal(
        resize_pixels(view, 33, 44, "bicubic"), resize_pixels(copy, 33, 44, "bicubic")
    )


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (-1, 5)])
def test_refuses_empty_sizes(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="cannot resize"):
        resize_pixels(photograph(8, 8), *size, "bicubic")
    with pytest.raises(ValueError, match="cannot resize"):
        resize(torch.zeros(1, 1, 8, 8), *size, "bicubic")


@given(size_in=st.integers(1, 3000), size_out=st.integers(1, 3000), overlap=st.integers(0, 12))
def test_spans_cover_the_axis_and_overlap_as_asked(
    size_in: int, size_out: int, overlap: int
) -> None:
    cut = spans(size_in, size_out, "bicubic", overlap)
    if size_out <= overlap:
        assert cut == []
        return
    assert cut[0].start == 0
    assert cut[-1].stop == size_out
    assert all(later.start == span.stop - overlap for span, later in itertools.pairwise(cut))
    assert all(span.stop - span.start > overlap for span in cut)


def test_degrade_cuts_to_a_multiple_and_is_antialiased_bicubic() -> None:
    hr = photograph(50, 43)
    lr = degrade(to_tensor(hr), 4)
    assert lr.shape == (1, 3, 12, 10)
    expected = exact(hr[:48, :40], 12, 10, "bicubic", "cut")
    assert np.abs(lr[0].permute(1, 2, 0).numpy() * 255 - expected).max() < 1e-3


def test_degrade_stays_in_range() -> None:
    hr = torch.zeros(1, 1, 16, 16)
    hr[..., 8:] = 1.0
    lr = degrade(hr, 2)
    assert lr.min() >= 0
    assert lr.max() <= 1
