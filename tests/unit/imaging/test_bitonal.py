"""Pages of 1 bit per pixel: recognised, thresholded, and written as fax of group 4."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import pyvips
import tifffile
from PIL import Image

from sr_core.imaging.bitonal import thresholded
from sr_core.imaging.codecs import Metadata, Page, Picture, decode, encode, output_format
from tests.support.colour_kinds import grey_profile
from tests.support.image_files import LIMITS, exif_block, saved, scene, tiff
from tests.support.line_art import line_art, samples


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("TIFF", {"compression": "group3"}),
        ("TIFF", {"compression": "group4"}),
        ("TIFF", {}),
        ("PNG", {}),
        ("BMP", {}),
    ],
)
def test_pages_of_one_bit_are_recognised(name: str, options: dict[str, Any]) -> None:
    image = line_art()
    (page,) = decode(saved(image, name, **options), LIMITS).pages
    assert page.bitonal
    np.testing.assert_array_equal(page.pixels, samples(image))


def test_other_pages_are_not_bitonal() -> None:
    black_and_white = samples(line_art())
    for data in (
        saved(line_art().convert("L"), "PNG"),
        saved(line_art().convert("P"), "GIF"),
        saved(line_art(), "PNG", transparency=0),
        tiff(black_and_white[:, :, 0], photometric="minisblack"),
    ):
        assert not decode(data, LIMITS).pages[0].bitonal


def test_the_threshold_is_half() -> None:
    page = Page(np.array([[[0], [127], [128], [255]]], np.uint8))
    assert thresholded(page).pixels[0, :, 0].tolist() == [0, 0, 255, 255]


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("strip_px", [1 << 23, 1000])
def test_a_bitonal_page_is_written_as_group_4(
    order: str, strip_px: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sr_core.imaging.codecs.tiff.fax._STRIP_PX", strip_px)
    image = line_art()
    block = exif_block() if order == "big" else None
    metadata = Metadata(block, icc=grey_profile(), dpi=(204.0, 196.0))
    page = Page(samples(image), bitonal=True)
    data = bytes(encode(Picture((page,), metadata), "tiff", 95))
    found = decode(data, LIMITS)
    assert found.pages[0].bitonal
    assert found.metadata.icc == metadata.icc
    np.testing.assert_array_equal(found.pages[0].pixels, page.pixels)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        first = file.pages[0]
        assert (first.compression.name, first.bitspersample) == ("CCITTFAX4", 1)
        assert sum(first.databytecounts) < 90 * 131 / 8 / 2
        assert len(first.dataoffsets) == -(-90 // min(90, max(1, strip_px // 131)))
    with Image.open(io.BytesIO(data)) as opened:
        assert opened.mode == "1"
        np.testing.assert_array_equal(samples(opened), page.pixels)
    vips = pyvips.Image.new_from_buffer(data, "", fail_on="warning")
    np.testing.assert_array_equal(vips.numpy().reshape(page.pixels.shape), page.pixels)


def test_pages_of_all_kinds_stay_what_they_are_in_one_file() -> None:
    fax = Page(samples(line_art()), bitonal=True)
    grey = Page(scene(50, 40, 1)[:, :, None])
    colour = Page(scene(30, 20))
    data = encode(Picture((fax, colour, grey, replace(fax))), "tiff", 95)
    found = decode(data, LIMITS).pages
    assert [page.bitonal for page in found] == [True, False, False, True]
    for page, expected in zip(found, (fax, colour, grey, fax), strict=True):
        np.testing.assert_array_equal(page.pixels, expected.pixels)


def test_a_bitonal_output_is_a_tiff() -> None:
    for source in ("TIFF", "PNG", "BMP"):
        assert output_format(source, "source", bitonal=True) == "tiff"
    assert output_format("PNG", "source") == "png"
