"""Evidence of compression and noise in a picture."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from sr_core.imaging.codecs import jpeg_evidence
from sr_core.imaging.evidence import Evidence, JpegEvidence, evidence_of
from sr_core.imaging.evidence.luma import WINDOW_PX, luma_windows
from sr_core.imaging.pixels import Pixels
from tests.support.photograph import photograph

QUALITIES = (95, 85, 75, 60, 40, 20)


def jpeg(pixels: Pixels, quality: int, **options: object) -> tuple[Pixels, bytes]:
    """Return the pixels of a JPEG and its file."""
    file = io.BytesIO()
    grey = pixels.shape[2] == 1
    picture = Image.fromarray(pixels[..., 0] if grey else pixels)
    picture.save(file, "JPEG", quality=quality, **options)
    with Image.open(file) as image:
        decoded = np.array(image)
    return decoded[..., None] if grey else decoded, file.getvalue()


def noisy(pixels: Pixels, sigma: float) -> Pixels:
    noise = np.random.default_rng(7).normal(0, sigma, pixels.shape)
    top = np.iinfo(pixels.dtype).max
    return np.clip(np.rint(pixels + noise * top / 255), 0, top).astype(pixels.dtype)


@pytest.mark.parametrize("quality", [*QUALITIES, 50, 100])
def test_the_quality_of_a_jpeg_is_read_from_its_tables(quality: int) -> None:
    _, file = jpeg(photograph(16, 16), quality)
    found = jpeg_evidence(file)
    assert found is not None
    assert abs(found.quality - quality) <= 1


@pytest.mark.parametrize(
    ("options", "sampling"),
    [({"subsampling": 0}, "4:4:4"), ({"subsampling": 1}, "4:2:2"), ({"subsampling": 2}, "4:2:0")],
)
def test_the_sampling_of_colour_is_named(options: dict[str, int], sampling: str) -> None:
    _, file = jpeg(photograph(16, 16), 80, **options)
    assert jpeg_evidence(file) == JpegEvidence(80, sampling)
    _, grey = jpeg(photograph(16, 16, channels=1), 80)
    assert jpeg_evidence(grey) == JpegEvidence(80, "grey")
    _, progressive = jpeg(photograph(16, 16), 80, progressive=True, **options)
    assert jpeg_evidence(progressive) == JpegEvidence(80, sampling)


def test_a_file_without_tables_is_no_evidence() -> None:
    _, file = jpeg(photograph(16, 16), 80)
    png = io.BytesIO()
    Image.new("RGB", (8, 8)).save(png, "PNG")
    for data in (b"", b"\xff", b"\xff\xd8", file[:60], file[:200], png.getvalue()):
        assert jpeg_evidence(data) is None


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_file_never_fails(data: st.DataObject) -> None:
    _, file = jpeg(photograph(16, 16), 80)
    damaged = bytearray(file[: data.draw(st.integers(0, len(file)))])
    for position in data.draw(st.lists(st.integers(0, 600), max_size=8)):
        if position < len(damaged):
            damaged[position] = data.draw(st.integers(0, 255))
    jpeg_evidence(bytes(damaged))


def test_the_lower_the_quality_the_higher_the_blocks_whatever_the_file() -> None:
    picture = photograph(320, 320)
    heights = [evidence_of(jpeg(picture, quality)[0]).blocks for quality in QUALITIES]
    assert heights == sorted(heights)
    assert heights[-1] > 1
    assert heights[2] > 0.1
    assert evidence_of(picture).blocks == 0


@pytest.mark.parametrize(("down", "across"), [(0, 0), (3, 5), (7, 1)])
def test_a_cropped_or_turned_jpeg_still_shows_its_blocks(down: int, across: int) -> None:
    whole = jpeg(photograph(330, 330), 60)[0]
    here = evidence_of(whole).blocks
    assert here > 0.3
    cropped = evidence_of(np.ascontiguousarray(whole[down:, across:])).blocks
    assert cropped == pytest.approx(here, rel=0.2)
    assert evidence_of(np.rot90(whole)).blocks == pytest.approx(here, rel=0.2)


def test_lines_every_8_pixels_in_one_direction_are_no_blocks() -> None:
    lined = photograph(320, 320).copy()
    lined[:, ::8] += 12
    assert evidence_of(lined).blocks == 0


@pytest.mark.parametrize("sigma", [1.0, 2.0, 5.0, 10.0, 20.0])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_noise_is_estimated_within_a_quarter(sigma: float, dtype: type, channels: int) -> None:
    clean = photograph(320, 320, channels, dtype)
    truth = sigma if channels == 1 else sigma * float(np.hypot.reduce((0.299, 0.587, 0.114)))
    assert evidence_of(noisy(clean, sigma)).noise == pytest.approx(truth, rel=0.25, abs=0.3)


def test_a_clean_picture_has_little_noise_and_print_on_white_has_none() -> None:
    assert evidence_of(photograph(320, 320)).noise < 0.5
    page = np.full((320, 320, 3), 255, np.uint8)
    page[40:300:20, 20:300] = 0
    assert evidence_of(page) == Evidence(None, 0.0, 0.0, 1.0)


def test_the_more_blurred_the_softer_and_a_lone_edge_is_sharp() -> None:
    edges = np.zeros((200, 200, 3), np.uint8)
    edges[:, 30:90] = 180  # of one height, so that rounding does not choose among edges
    blurs = (0, 0.5, 1, 2, 4)
    pictures = [
        np.asarray(Image.fromarray(edges).filter(ImageFilter.GaussianBlur(blur))) for blur in blurs
    ]
    found = [evidence_of(each).sharpness for each in pictures]
    assert found == sorted(found, reverse=True)
    assert found[0] == 1
    assert found[2] < 0.48 < found[1]
    assert evidence_of(np.full((50, 50, 1), 9, np.uint8)).sharpness == 1


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    channels=st.sampled_from((1, 3)),
    dtype=st.sampled_from((np.uint8, np.uint16)),
    flat=st.booleans(),
)
def test_pictures_of_any_size_and_depth_are_examined(
    height: int, width: int, channels: int, dtype: type, flat: bool
) -> None:
    pixels = photograph(height, width, channels, dtype)
    found = evidence_of(pixels * 0 + pixels[0, 0] if flat else pixels)
    assert np.isfinite([found.blocks, found.noise, found.sharpness]).all()
    assert min(found.blocks, found.noise) >= 0
    assert 0.3 < found.sharpness <= 1


def test_a_large_picture_is_examined_in_five_windows_within_it() -> None:
    pixels = np.broadcast_to(np.uint8(9), (40_000, 50_000, 3))  # no memory behind it
    start = time.process_time()
    assert [each.shape for each in luma_windows(pixels)] == [(WINDOW_PX, WINDOW_PX)] * 5
    evidence_of(pixels)
    assert time.process_time() - start < 2
    assert {each.shape for each in luma_windows(pixels[:100])} == {(100, WINDOW_PX)}


def test_photographs_of_an_archive_shrunk_are_clean_and_saved_again_are_not() -> None:
    folder = Path(os.environ.get("SRFLEET_SHARED", "../shared")) / "data" / "val"
    if not folder.is_dir():
        pytest.skip(f"no photographs at {folder}")
    with Image.open(min(folder.iterdir())) as image:
        quarter = (image.width // 4, image.height // 4)
        clean = np.array(image.convert("RGB").resize(quarter, Image.Resampling.BICUBIC))
    saved = jpeg(clean, 60)[0]
    assert evidence_of(saved).blocks > evidence_of(clean).blocks
    assert evidence_of(noisy(clean, 6)).noise > 3 > evidence_of(clean).noise
