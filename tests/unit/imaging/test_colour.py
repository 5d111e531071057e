"""Colour of every format and kind of statement: shown as the standards say, and said if changed."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ImageCms

from sr_core.errors import ErrorClass
from sr_core.imaging.codecs import Page, Picture, decode, encode, losses
from sr_core.imaging.codecs.tags import exif
from sr_core.imaging.colour import ADOBE_RGB, DISPLAY_P3, ROMM_RGB, build, convert_to_srgb
from tests.support.colour_files import colour_files, unsupported_files
from tests.support.colour_kinds import ColourFile
from tests.support.decoding import refusal
from tests.support.image_files import LIMITS

FILES = colour_files()
UNSUPPORTED = unsupported_files()


def shown(picture: Picture, index: int = 0) -> NDArray[np.float64]:
    """Return the mean sRGB of a page, from 0 to 255."""
    pixels, profile = picture.pages[index].pixels, picture.profile(index)
    if profile is not None:
        pixels = convert_to_srgb(pixels, profile)
    levels = pixels.astype(float) / (257 if pixels.dtype == np.uint16 else 1)
    return np.broadcast_to(levels.mean((0, 1)), 3)


@pytest.mark.parametrize("file", FILES, ids=str)
def test_the_colour_is_that_of_the_standard(file: ColourFile) -> None:
    picture = decode(file.data, LIMITS)
    assert len(picture.pages) == len(file.shown)
    for index, expected in enumerate(file.shown):
        difference = np.abs(shown(picture, index) - np.array(expected))
        assert difference.max() <= file.within, (shown(picture, index), expected)
        alpha = picture.pages[index].alpha
        assert (alpha is None) == (file.alpha is None)
        if alpha is not None:
            assert alpha.mean() / np.iinfo(alpha.dtype).max * 255 == file.alpha


@pytest.mark.parametrize("file", FILES, ids=str)
def test_whatever_is_converted_or_dropped_is_said_and_nothing_else(file: ColourFile) -> None:
    warnings = decode(file.data, LIMITS).warnings
    assert len(warnings) == bool(file.converted) + bool(file.dropped), warnings
    assert file.converted in "".join(warnings)
    assert file.dropped in "".join(warnings)


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "tiff", "jxl"])
@pytest.mark.parametrize("file", FILES, ids=str)
def test_an_output_of_any_format_shows_the_same_colour(file: ColourFile, name: str) -> None:
    picture = decode(file.data, LIMITS)
    if name == "jpeg":  # flattens transparency onto white
        picture = replace(picture, pages=tuple(Page(page.pixels) for page in picture.pages))
    again = decode(bytes(encode(picture, name, 100)), LIMITS)
    assert len(again.pages) == (len(file.shown) if name == "tiff" else 1)
    within = file.within + {"jpeg": 2, "webp": 4}.get(name, 0.6)
    for index in range(len(again.pages)):
        difference = np.abs(shown(again, index) - shown(picture, index))
        assert difference.max() <= within, (shown(again, index), shown(picture, index))
    kept = again.metadata.icc == picture.metadata.icc
    assert kept or "colours were converted to sRGB" in losses(picture, name)


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_colours_without_an_equal_profile_are_refused(name: str) -> None:
    assert refusal(UNSUPPORTED[name]) is ErrorClass.UNSUPPORTED_COLOUR


def test_code_points_are_written_beside_the_profile_that_equals_them() -> None:
    for file in FILES:
        if file.name in ("PNG-cicp-12-13", "AVIF-nclx-12-13", "JP2-cicp-12-13"):
            data = bytes(encode(decode(file.data, LIMITS), "png", 100))
            at = data.index(b"cICP")
            assert data[at + 4 : at + 8] == bytes([12, 13, 0, 1])
            assert at < data.index(b"iCCP") < data.index(b"IDAT")
    with_profile = decode(next(file for file in FILES if file.name == "PNG-icc").data, LIMITS)
    assert b"cICP" not in bytes(encode(with_profile, "png", 100))


def test_exif_says_srgb_once_the_colours_are_converted_to_it() -> None:
    adobe = decode(next(file for file in FILES if file.name == "JPEG-exif-r03").data, LIMITS)
    assert adobe.metadata.exif is not None
    assert exif.colour_space(adobe.metadata.exif) == ADOBE_RGB
    kept = decode(bytes(encode(adobe, "jpeg", 100)), LIMITS)
    assert kept.metadata.exif is not None
    assert exif.colour_space(kept.metadata.exif) == ADOBE_RGB
    converted = decode(bytes(encode(adobe, "jxl", 100)), LIMITS)
    assert converted.metadata.exif is not None
    assert exif.colour_space(converted.metadata.exif) is None
    assert b"R98" in converted.metadata.exif


def test_equal_colour_spaces_have_equal_profiles_that_other_libraries_read() -> None:
    for space in (DISPLAY_P3, ADOBE_RGB, ROMM_RGB):
        for grey in (False, True):
            profile = build(space, grey=grey)
            assert build(replace(space), grey=grey) == profile
            build.cache_clear()
            assert build(space, grey=grey) == profile
            opened = ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile
            assert opened.profile_description == space.name
            assert opened.xcolor_space == ("GRAY" if grey else "RGB ")


REPORTS = {
    # P3 primaries with the curve of sRGB; the table beside the files gives what gamma 2.2 shows.
    "avif_nclx_p3_ignored.avif": (216, 69, 17),
    "png_cicp_p3_ignored.png": (216, 69, 17),
    "jp2_icc_applied_twice.jp2": (218, 67, 3),
    "jxl_p3_lossy_becomes_dark.jxl": (218, 67, 3),
    "tiff_cmyk16_planar_noise.tif": (137.8, 86.5, 61.1),
    "tiff_lab16_refused_as_damaged.tif": (135.1, 86.7, 61.0),  # by D50; by D65 red is 137.8
    "tiff_infrared_taken_as_alpha.tif": (137.8, 86.5, 61.1),
    # As libtiff, tiff2rgba and Pillow show it: without the tag 0 is white.
    "tiff_g4_without_photometric_inverted.tif": (156.9,) * 3,
}


@pytest.mark.parametrize("name", REPORTS)
def test_a_reported_file_shows_its_colour(shared: Path, name: str) -> None:
    picture = decode((shared / "data" / "odd" / "reports" / name).read_bytes(), LIMITS)
    assert picture.pages[0].alpha is None
    assert np.abs(shown(picture) - np.array(REPORTS[name])).max() <= 4  # lossy blue near 0


def test_each_page_keeps_a_profile_of_its_own(shared: Path) -> None:
    path = shared / "data" / "odd" / "reports" / "tiff_second_page_wrong_profile.tif"
    again = decode(bytes(encode(decode(path.read_bytes(), LIMITS), "tiff", 100)), LIMITS)
    expected = [(218, 67, 3), (230, 79, 32), (200, 80, 40), (200, 200, 200)]
    for index, colour in enumerate(expected):
        assert np.abs(shown(again, index) - np.array(colour)).max() <= 1
    assert [again.profile(index) is None for index in range(4)] == [False, False, True, True]


def test_a_jpeg_2000_is_turned_upright(shared: Path) -> None:
    path = shared / "data" / "odd" / "reports" / "jp2_orientation_lost.jp2"
    picture = decode(path.read_bytes(), LIMITS)
    assert picture.pages[0].pixels.shape == (48, 32, 3)
    assert picture.orientation_in == 6
