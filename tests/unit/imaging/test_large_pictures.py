"""Large pictures: equal results through scratch files and in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sr_core import scratch
from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.alpha import premultiply, resize_alpha, unpremultiply
from sr_core.imaging.codecs import Metadata, Picture, check_output_size, decode, encode
from sr_core.imaging.codecs.raster import straight, widened
from sr_core.imaging.colour import LabEncoding, convert_to_srgb, profile_of
from sr_core.imaging.colour.convert import cmyk_by_arithmetic, cmyk_to_srgb, lab_to_srgb
from sr_core.imaging.pixels import Page
from sr_core.imaging.resample import resize_pixels
from tests.support.colour_kinds import ink_profile
from tests.support.image_files import LIMITS, exif_block, picture, saved, scene
from tests.support.large_pictures import take_everything_as_large
from tests.support.photograph import photograph


def page(channels: int, dtype: Any, alpha: bool) -> Page:
    pixels = photograph(70, 53, channels, dtype)
    return Page(pixels, photograph(70, 53, 1, dtype, seed=5)[..., 0] if alpha else None)


@pytest.fixture
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    take_everything_as_large(monkeypatch)


def pixels_of(picture: Picture) -> list[Any]:
    return [part for each in picture.pages for part in (each.pixels, each.alpha)]


@pytest.mark.parametrize("alpha", [False, True], ids=["opaque", "alpha"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ["png", "tiff", "jpeg", "webp", "jxl", "ptif"])
def test_a_large_picture_is_written_and_read_like_a_small_one(
    name: str, channels: int, dtype: Any, alpha: bool, request: pytest.FixtureRequest
) -> None:
    made = page(channels, dtype, alpha)
    pages = (made, Page(made.pixels[:40].copy())) if name == "tiff" else (made,)
    picture = Picture(pages, Metadata(exif_block(), dpi=(300.0, 300.0)))
    small = encode(picture, name, 90)
    expected = decode(small, LIMITS)
    request.getfixturevalue("everything_is_large")
    large = encode(picture, name, 90)
    found = decode(large, LIMITS)
    for one, other in zip(pixels_of(found), pixels_of(expected), strict=True):
        np.testing.assert_array_equal(one, other)
    assert found.metadata == expected.metadata
    assert all(each.pixels.flags.writeable for each in found.pages)
    assert not any(each.pixels.flags.owndata for each in found.pages)
    if name in ("webp", "jxl"):
        assert large == small
    else:
        assert not isinstance(large, bytes)


@pytest.mark.usefixtures("everything_is_large")
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_large_tiff_of_jpeg_strips_is_read(mode: str) -> None:
    image = picture(mode)
    data = saved(image, "TIFF", compression="jpeg", quality=95)
    found = decode(data, LIMITS).pages[0].pixels
    expected = np.asarray(image).reshape(found.shape)
    assert np.abs(found.astype(int) - expected).mean() < 4


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "TIFF"])
@pytest.mark.usefixtures("everything_is_large")
def test_a_large_source_is_turned_upright(name: str, orientation: int) -> None:
    image = Image.fromarray(scene(40, 24))
    exif = Image.Exif()
    exif[0x112] = orientation
    data = saved(image, name, exif=exif)
    found = decode(data, LIMITS).pages[0].pixels
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scratch, "limit_bytes", 1 << 30)
        expected = decode(data, LIMITS).pages[0].pixels
    assert not found.flags.owndata
    np.testing.assert_array_equal(found, expected)


@given(
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    wanted=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    dtype=st.sampled_from([np.uint8, np.uint16]),
)
def test_alpha_is_pillows_lanczos(
    size: tuple[int, int], wanted: tuple[int, int], dtype: Any
) -> None:
    alpha = np.random.default_rng(1).integers(0, np.iinfo(dtype).max + 1, size, dtype)
    plane = Image.fromarray(alpha.astype(np.float32))
    expected = np.asarray(plane.resize(wanted[::-1], Image.Resampling.LANCZOS))
    found = resize_alpha(alpha, *wanted)
    # Half a level of rounding, plus the precision of float32 at 65,535.
    assert np.abs(found - np.clip(expected, 0, np.iinfo(dtype).max)).max() <= 0.53
    assert found.dtype == dtype


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_strips_of_alpha_are_the_whole(dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = page(3, dtype, alpha=True)
    assert made.alpha is not None
    expected = premultiply(made.pixels, made.alpha)
    straight = unpremultiply(expected, made.alpha)
    monkeypatch.setattr("sr_core.imaging.strips._STRIP_PX", 500)
    np.testing.assert_array_equal(premultiply(made.pixels, made.alpha), expected)
    np.testing.assert_array_equal(unpremultiply(expected, made.alpha), straight)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_strips_of_colours_are_the_whole(dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = page(3, dtype, alpha=True)
    assert made.alpha is not None
    grey_icc = profile_of(1.8, (0.3127, 0.329), (), grey=True)
    icc = profile_of(1.8, (0.3127, 0.329), (0.68, 0.32, 0.265, 0.69, 0.15, 0.06), grey=False)
    four: Any = np.dstack([made.pixels, made.alpha])
    calls: list[Callable[[], Any]] = [
        lambda: straight(four),
        lambda: widened(four // 16, dtype(0).itemsize * 8 - 4),
        lambda: convert_to_srgb(made.pixels, icc),
        lambda: convert_to_srgb(made.pixels[:, :, :1], grey_icc),
        lambda: cmyk_by_arithmetic(four),
        lambda: cmyk_to_srgb(four, ink_profile()),
        lambda: lab_to_srgb(made.pixels, LabEncoding((100, 255, 255), (0, -128, -128))),
    ]
    expected = [call() for call in calls]
    monkeypatch.setattr("sr_core.imaging.strips._STRIP_PX", 500)
    for call, whole in zip(calls, expected, strict=True):
        np.testing.assert_array_equal(call(), whole)


@given(size=st.tuples(st.integers(1, 20), st.integers(1, 20)), height=st.integers(1, 200))
def test_nearest_takes_whole_pixels(size: tuple[int, int], height: int) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (*size, 3), np.uint8)
    found = resize_pixels(pixels, height, 7, "nearest")
    rows = (2 * np.arange(height) + 1) * size[0] // (2 * height)
    columns = (2 * np.arange(7) + 1) * size[1] // 14
    np.testing.assert_array_equal(found, pixels[rows][:, columns])


@pytest.mark.parametrize(
    ("name", "alpha", "most"),
    [
        ("webp", False, 200_000_000),
        ("webp", True, 64_000_000),
        ("jxl", False, 400_000_000),
        ("jxl", True, 400_000_000),
    ],
)
def test_what_is_encoded_in_one_piece_ends_earlier(name: str, alpha: bool, most: int) -> None:
    check_output_size(name, 16_000, most // 16_000, 1 << 40, alpha=alpha)
    with pytest.raises(ImageError, match="choose png, jpeg or tiff") as caught:
        check_output_size(name, 16_000, most // 16_000 + 1, 1 << 40, alpha=alpha)
    assert caught.value.error_class is ErrorClass.TOO_LARGE
    with pytest.raises(ImageError, match="more than the limit of 1000"):
        check_output_size(name, 16_000, most // 16_000 + 1, 1000)


def test_a_folder_that_takes_no_files_is_no_fault_of_the_picture(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    picture = Picture((page(3, np.uint8, alpha=False),))
    data = encode(picture, "png", 90)
    monkeypatch.setattr(scratch, "limit_bytes", 0)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    for call in (lambda: encode(picture, "png", 90), lambda: decode(data, LIMITS)):
        with pytest.raises(ImageError, match="TMPDIR") as caught:
            call()
        assert caught.value.error_class is ErrorClass.OUT_OF_MEMORY
