"""The details of a page: their position, and that source and output show the same part."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from sr_core.audit.report.pictures import Box, cut, detail_frame, open_picture, shrink
from sr_core.errors import ImageError
from sr_core.records import MetricsRow, Status
from tests.support.photo_run import png


def row(source: tuple[int, int], output: tuple[int, int]) -> MetricsRow:
    sizes = {"width_in_px": source[0], "height_in_px": source[1]}
    sizes |= {"width_out_px": output[0], "height_out_px": output[1]}
    return MetricsRow("0" * 16, "a.png", 0, 0, "a", Status.OK, **sizes)


def busy_at(left: int, top: int, width: int = 200, height: int = 120) -> Image.Image:
    """Draw a flat picture with a 20x20 px chequerboard."""
    pixels = np.full((height, width, 3), 90, np.uint8)
    pixels[top : top + 20, left : left + 20] += ((np.indices((20, 20)).sum(0) % 2) * 120).astype(
        np.uint8
    )[..., None]
    return Image.fromarray(pixels)


def pixels_of(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


@pytest.mark.parametrize(("left", "top"), [(0, 0), (180, 100), (77, 31), (180, 0)])
def test_the_detail_is_where_the_picture_is_busiest(left: int, top: int) -> None:
    picture = png(busy_at(left, top))
    frame = detail_frame(picture, row((200, 120), (800, 480)), 80, 80)
    box = frame.times(200, 120)
    assert (box.width, box.height) == (pytest.approx(20), pytest.approx(20))
    assert box.left == pytest.approx(left, abs=2)
    assert box.top == pytest.approx(top, abs=2)
    assert pixels_of(cut(open_picture(picture), frame)).std() > 40


@pytest.mark.parametrize(
    ("spot", "left", "top"), [((400, 240), 90, 50), ((0, 0), 0, 0), ((799, 479), 180, 100)]
)
def test_a_spot_is_in_the_middle_of_the_detail_or_as_near_as_the_edge_allows(
    spot: tuple[int, int], left: int, top: int
) -> None:
    frame = detail_frame(png(busy_at(0, 0)), row((200, 120), (800, 480)), 80, 80, spot)
    box = frame.times(200, 120)
    assert (round(box.left), round(box.top)) == (left, top)


def test_source_and_output_show_the_same_part() -> None:
    source = busy_at(77, 31)
    output = source.resize((800, 480), Image.Resampling.NEAREST)
    frame = detail_frame(png(output), row((200, 120), (800, 480)), 112, 112)
    before, after = (pixels_of(cut(open_picture(png(each)), frame)) for each in (source, output))
    assert before.shape == (28, 28, 3)
    np.testing.assert_array_equal(after, before.repeat(4, 0).repeat(4, 1))


@pytest.mark.parametrize(
    ("source", "output"),
    [((1, 1), (4, 4)), ((1, 300), (4, 1200)), ((9, 2), (36, 8)), ((500, 333), (3840, 2557))],
)
def test_a_detail_of_any_size_lies_inside(source: tuple[int, int], output: tuple[int, int]) -> None:
    small = png(Image.new("RGB", source, "red"))
    frame = detail_frame(small, row(source, output), 224, 224)
    assert 0 <= frame.left <= frame.left + frame.width <= 1 + 1e-9
    assert 0 <= frame.top <= frame.top + frame.height <= 1 + 1e-9
    assert pixels_of(cut(open_picture(png(Image.new("RGB", output))), frame)).size > 0


def test_a_row_without_sizes_has_no_detail() -> None:
    nameless = MetricsRow("0" * 16, "a.png", 0, 0, "a", Status.OK)
    with pytest.raises(ImageError, match="does not have its size"):
        detail_frame(png(Image.new("RGB", (8, 8))), nameless, 80, 80)


def test_a_box_scales_each_axis() -> None:
    assert Box(1, 2, 3, 4).times(2, 10) == Box(2, 20, 6, 40)


def test_a_thumbnail_fits_its_box_and_keeps_the_colours() -> None:
    large = Image.linear_gradient("L").resize((3000, 1999)).convert("RGB")
    small = pixels_of(shrink(open_picture(png(large)), 120))
    assert small.shape == (80, 120, 3)
    np.testing.assert_allclose(small, np.asarray(large.resize((120, 80))), atol=12)


def test_transparency_and_16_bits_are_shown_as_a_browser_would() -> None:
    clear = Image.new("RGBA", (40, 30), (255, 0, 0, 0))
    assert pixels_of(cut(open_picture(png(clear)), Box(0, 0, 0.5, 0.5))).min() == 255
    deep = Image.new("I;16", (40, 30), 65535)
    part = pixels_of(cut(open_picture(png(deep)), Box(0, 0, 0.5, 0.5)))
    assert (part.dtype, part.min()) == (np.uint8, 255)
