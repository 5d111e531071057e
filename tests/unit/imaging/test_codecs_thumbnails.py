"""Thumbnails and crops for reports."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs import Page, Picture, crop, encode, thumbnail
from tests.support.image_files import exif_block, picture, png, saved, scene


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize(("box", "size"), [(20, (20, 14)), (1000, (56, 40))])
def test_a_thumbnail_fits_its_box_and_is_never_larger_than_its_picture(
    box: int, size: tuple[int, int]
) -> None:
    image = opened(thumbnail(saved(picture(), "PNG"), box))
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", size)


def test_a_thumbnail_is_upright_and_without_metadata() -> None:
    data = saved(picture(), "JPEG", exif=b"Exif\0\0" + exif_block(6, gps=True))
    image = opened(thumbnail(data, 28))
    assert image.size == (20, 28)
    assert not image.getexif()


def test_a_thumbnail_has_the_picture_s_colours() -> None:
    small = np.asarray(opened(thumbnail(saved(picture(height=160, width=160), "PNG"), 16)))
    expected = np.asarray(picture(height=160, width=160).resize((16, 16), Image.Resampling.BOX))
    assert np.abs(small.astype(int) - expected).mean() < 12


def test_transparency_is_shown_over_white_and_16_bits_as_8() -> None:
    pixels = np.full((8, 8, 3), 20_000, np.uint16)
    data = encode(Picture((Page(pixels, np.zeros((8, 8), np.uint16)),)), "png", 95)
    assert np.asarray(opened(crop(data, 0, 0, 8, 8))).min() == 255
    data = encode(Picture((Page(pixels),)), "png", 95)
    assert np.asarray(opened(crop(data, 0, 0, 8, 8))).tolist()[0][0] == [78] * 3


def test_a_crop_repeats_each_pixel_and_ends_at_the_border() -> None:
    data = saved(picture(), "PNG")
    image = opened(crop(data, 50, 30, 20, 20, zoom=3))
    assert (image.format, image.size) == ("PNG", (18, 30))
    expected = scene(40, 56)[30:, 50:].repeat(3, 0).repeat(3, 1)
    np.testing.assert_array_equal(np.asarray(image), expected)
    grey = opened(crop(saved(picture("L"), "PNG"), -4, -4, 8, 8))
    assert (grey.mode, grey.size) == ("L", (4, 4))


def test_colours_are_shown_in_srgb() -> None:
    linear = png((b"gAMA", struct.pack(">I", 100_000)), idat=_rows(64))
    assert abs(int(np.asarray(opened(crop(linear, 0, 0, 4, 4)))[0, 0, 0]) - 137) <= 2


def _rows(value: int) -> bytes:
    import zlib

    return zlib.compress((b"\0" + bytes([value]) * 12) * 4)


def test_a_part_outside_the_picture_is_an_error() -> None:
    with pytest.raises(ImageError) as caught:
        crop(saved(picture(), "PNG"), 56, 0, 8, 8)
    assert caught.value.error_class is ErrorClass.INTERNAL
    with pytest.raises(ImageError):
        thumbnail(b"no image", 20)
