"""Colours: palettes, transparency, CMYK, LAB and profiles become grey or RGB with alpha."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms

from sr_core.imaging.codecs import decode
from tests.support.decoding import only_page, samples
from tests.support.image_files import (
    LIMITS,
    picture,
    press_profile,
    saved,
    scene,
    srgb_profile,
    tiff,
)


@pytest.mark.parametrize("name", ["PNG", "GIF"])
def test_a_palette_with_transparency_gets_alpha(name: str) -> None:
    image = picture("P")
    clear = int(np.asarray(image)[3, 4])
    page = only_page(saved(image, name, transparency=clear))
    assert page.alpha is not None
    np.testing.assert_array_equal(page.alpha == 0, np.asarray(image) == clear)


def test_one_transparent_colour_gets_alpha() -> None:
    image = picture()
    colour = image.getpixel((3, 4))
    page = only_page(saved(image, "PNG", transparency=colour))
    assert page.alpha is not None
    np.testing.assert_array_equal(page.alpha == 0, (scene(40, 56) == colour).all(-1))


def test_premultiplied_alpha_is_made_straight() -> None:
    rgba = scene(40, 56, 4)
    rgba[..., :3] = np.minimum(rgba[..., :3], rgba[..., 3:])
    page = only_page(tiff(rgba, photometric="rgb", extrasamples=["assocalpha"]))
    assert page.alpha is not None
    expected = rgba[..., :3] * 255.0 / np.maximum(rgba[..., 3:], 1)
    seen = rgba[..., 3] > 0
    assert np.abs(page.pixels - expected)[seen].max() <= 0.51


def test_white_can_be_zero() -> None:
    grey = scene(40, 56, 1)
    page = only_page(tiff(grey, photometric="miniswhite"))
    np.testing.assert_array_equal(page.pixels[..., 0], 255 - grey)


def test_cmyk_goes_to_srgb_by_arithmetic_and_says_so() -> None:
    image = picture("CMYK")
    for data in (saved(image, "TIFF"), saved(image, "JPEG", quality=100, subsampling=0)):
        decoded = decode(data, LIMITS)
        assert decoded.mode_in == "CMYK"
        assert any("CMYK" in warning for warning in decoded.warnings)
        expected = np.asarray(image.convert("RGB")).astype(int)
        # Not a negative: Adobe stores the inks of a JPEG inverted.
        assert np.abs(samples(decoded.pages[0]) - expected).max() <= 6


def test_ycck_is_cmyk_too() -> None:
    inks = 255 - np.asarray(picture("CMYK"))
    data = imagecodecs.jpeg8_encode(inks, level=100, colorspace="CMYK", outcolorspace="YCCK")
    expected = np.asarray(picture("CMYK").convert("RGB")).astype(int)
    assert np.abs(samples(only_page(data)) - expected).mean() < 8


def test_lab_goes_to_srgb() -> None:
    decoded = decode(saved(picture("LAB"), "TIFF"), LIMITS)
    assert decoded.mode_in == "LAB"
    assert np.abs(samples(decoded.pages[0]).astype(int) - scene(40, 56)).mean() < 3
    assert decoded.metadata.icc is None


def test_a_cmyk_picture_drops_a_profile_that_is_not_for_it() -> None:
    decoded = decode(saved(picture("CMYK"), "TIFF", icc_profile=srgb_profile()), LIMITS)
    assert decoded.metadata.icc is None
    assert any("cannot be used" in warning for warning in decoded.warnings)


def test_cmyk_goes_through_its_profile() -> None:
    inks = np.zeros((8, 8, 4), np.uint8)
    inks[4:, :, 0] = 255
    image = Image.fromarray(inks, "CMYK")
    for data in (
        saved(image, "TIFF", icc_profile=press_profile()),
        saved(image, "JPEG", icc_profile=press_profile(), quality=100, subsampling=0),
    ):
        decoded = decode(data, LIMITS)
        pixels = decoded.pages[0].pixels.astype(int)
        assert np.abs(pixels[0, 0] - 255).max() <= 3
        red, green, blue = pixels[7, 7]  # arithmetic would give (0, 255, 255)
        assert green > 100
        assert green - red > 50
        assert green - blue > 5
        assert decoded.metadata.icc is None
        assert decoded.warnings == ("CMYK converted to sRGB",)


def test_a_profile_for_other_pixels_is_dropped() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for image, profile in ((picture(), lab), (picture("L"), srgb_profile())):
        decoded = decode(saved(image, "PNG", icc_profile=profile), LIMITS)
        assert decoded.metadata.icc is None
        assert any("ICC profile for" in warning for warning in decoded.warnings)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("tile", [None, (16, 16)], ids=["strips", "tiles"])
@pytest.mark.parametrize("extra", [[], ["unassalpha"], ["unspecified", "unassalpha"]], ids=str)
def test_inks_are_read_from_any_layout(
    dtype: type[np.uint8 | np.uint16], planar: str, tile: tuple[int, int] | None, extra: list[str]
) -> None:
    inks = scene(37, 53, 4 + len(extra), dtype)
    data = tiff(
        np.moveaxis(inks, 2, 0) if planar == "separate" else inks,
        photometric="separated",
        planarconfig=planar,
        tile=tile,
        rowsperstrip=None if tile else 5,
        compression="deflate",
        predictor=True,
        extrasamples=extra or None,
    )
    page = only_page(data)
    top = np.iinfo(dtype).max
    expected = (top - inks[..., :3].astype(float)) * (top - inks[..., 3:4].astype(float)) / top
    assert page.pixels.dtype == dtype
    assert np.abs(page.pixels - expected).max() <= 0.51
    if extra:
        np.testing.assert_array_equal(page.alpha, inks[..., -1])
    else:
        assert page.alpha is None


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("photometric", ["rgb", "cielab"])
def test_extra_channels_of_any_layout_are_dropped(planar: str, photometric: str) -> None:
    samples = scene(37, 53, 5)
    data = tiff(
        np.moveaxis(samples, 2, 0) if planar == "separate" else samples,
        photometric=photometric,
        planarconfig=planar,
        extrasamples=["unspecified"] * 2,
    )
    page, plain = only_page(data), only_page(tiff(samples[..., :3], photometric=photometric))
    assert page.alpha is None
    np.testing.assert_array_equal(page.pixels, plain.pixels)
