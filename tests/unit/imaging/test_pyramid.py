"""Pyramids in TIFF: written, and read as one picture."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import pyvips
import tifffile

from sr_core.imaging.codecs import Page, Picture, decode, encode, probe
from sr_core.imaging.codecs.tiff.pyramid import halved
from tests.support.image_files import LIMITS, scene, tiff_of
from tests.support.photograph import photograph

PHOTOGRAPH = photograph(700, 1101, 3, np.uint8)


def by_vips(**options: Any) -> bytes:
    image = pyvips.Image.new_from_array(PHOTOGRAPH)
    data: bytes = image.tiffsave_buffer(tile=True, pyramid=True, **options)
    return data


def unmarked(sizes: list[tuple[int, int]], **options: Any) -> bytes:
    """Return tiled pages, (height, width), none of them marked as reduced."""
    pages = [scene(height, width) for height, width in sizes]
    options = {"tile": (64, 64)} | options
    return tiff_of(pages, photometric="rgb", **options)


@pytest.mark.parametrize("compression", ["none", "deflate", "lzw"])
@pytest.mark.parametrize("subifd", [False, True])
def test_a_pyramid_of_libvips_is_one_picture(compression: str, subifd: bool) -> None:
    data = by_vips(compression=compression, subifd=subifd)
    picture = decode(data, LIMITS)
    (page,) = picture.pages
    np.testing.assert_array_equal(page.pixels, PHOTOGRAPH)
    assert len(picture.warnings) == 1  # the smaller copies
    assert probe(data).pages == 1


def test_a_pyramid_of_jpeg_tiles_is_one_picture() -> None:
    (page,) = decode(by_vips(compression="jpeg", Q=95), LIMITS).pages
    assert np.abs(page.pixels.astype(int) - PHOTOGRAPH).mean() < 2


@pytest.mark.parametrize(
    "sizes",
    [[(200, 130), (100, 65), (50, 32)], [(201, 131), (101, 66), (51, 33)], [(100, 90), (50, 45)]],
)
def test_a_pyramid_whose_levels_are_not_marked_is_one_picture(sizes: list[tuple[int, int]]) -> None:
    picture = decode(unmarked(sizes), LIMITS)
    assert [page.pixels.shape[:2] for page in picture.pages] == sizes[:1]
    assert picture.warnings == (f"dropped: reduced copies or masks of pages, {len(sizes) - 1}",)


def test_pages_that_are_no_pyramid_stay_pages() -> None:
    kinds: list[tuple[list[tuple[int, int]], dict[str, Any]]] = [
        ([(200, 130), (100, 65), (50, 32)], {"tile": None}),  # in strips
        ([(200, 130), (100, 65)], {"tile": (16, 16)}),  # the last is more than one tile
        ([(200, 130), (100, 66), (50, 32)], {}),
        ([(100, 65), (100, 65)], {}),
    ]
    for sizes, options in kinds:
        assert probe(unmarked(sizes, **options)).pages == len(sizes)


def test_our_own_pyramid_is_one_picture() -> None:
    data = encode(Picture((Page(PHOTOGRAPH),)), "ptif", 95)
    (page,) = decode(data, LIMITS).pages
    assert np.abs(page.pixels.astype(int) - PHOTOGRAPH).mean() < 1


def test_a_picture_of_one_tile_has_no_copies() -> None:
    data = bytes(encode(Picture((Page(scene(256, 256)),)), "ptif", 95))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        assert len(file.pages) == 1


@pytest.mark.parametrize("size", [(1, 700), (300, 1), (257, 513)])
def test_odd_sizes_are_halved_rounding_down(size: tuple[int, int]) -> None:
    page = Page(scene(*size).reshape(*size, 3))
    while max(page.pixels.shape[:2]) > 1:
        expected = tuple(max(1, side // 2) for side in page.pixels.shape[:2])
        page = halved(page)
        assert page.pixels.shape[:2] == expected


def test_invisible_colours_do_not_bleed_into_smaller_copies() -> None:
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[0], pixels[1] = 200, 10
    alpha = np.array([[255, 255], [0, 0]], np.uint8)
    small = halved(Page(pixels, alpha))
    assert np.abs(small.pixels.astype(int) - 200).max() <= 1
    assert small.alpha is not None
    assert small.alpha.tolist() == [[128]]


def test_quality_changes_the_tiles() -> None:
    picture = Picture((Page(PHOTOGRAPH),))
    assert len(encode(picture, "ptif", 60)) < len(encode(picture, "ptif", 95)) / 2
