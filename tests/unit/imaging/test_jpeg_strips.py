"""JPEG in strips: every decoder reads the picture of a file compressed in one piece."""

from __future__ import annotations

import io
import math

import imagecodecs
import numpy as np
import pytest
import simplejpeg
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sr_core import scratch
from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs import Metadata, Picture, decode, encode
from sr_core.imaging.codecs.jpeg import strips as jpeg_strips
from sr_core.imaging.pixels import Page, Pixels
from tests.support.image_files import LIMITS, exif_block, saved, scene, srgb_profile
from tests.support.photograph import photograph


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "limit_bytes", 0)
    monkeypatch.setattr(jpeg_strips, "_STRIP_PX", 0)  # strips of eight rows


def written(pixels: Pixels, quality: int = 90, metadata: Metadata | None = None) -> bytes:
    picture = Picture((Page(pixels),), metadata or Metadata())
    return encode(picture, "jpeg", quality)[:]


def in_one_piece(pixels: Pixels, quality: int = 90) -> bytes:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scratch, "limit_bytes", 1 << 30)
        data = written(pixels, quality)
    assert b"\xff\xdd" not in data[:1000]
    return data


def markers(data: bytes) -> list[int]:
    """Return the markers in the scan: each byte after 0xff that is not 0."""
    scan = data[data.index(b"\xff\xda") + 2 :]
    return [scan[at + 1] for at in range(len(scan)) if scan[at] == 0xFF and scan[at + 1]]


@given(
    height=st.integers(1, 90),
    width=st.integers(1, 40),
    channels=st.sampled_from([1, 3]),
    quality=st.sampled_from([1, 75, 95, 96, 100]),
    rows=st.integers(1, 4),
)
def test_strips_decode_to_the_pixels_of_one_piece(
    height: int, width: int, channels: int, quality: int, rows: int
) -> None:
    pixels = np.random.default_rng(height).integers(0, 256, (height, width, channels), np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jpeg_strips, "_STRIP_PX", 8 * rows * width)
        data = written(pixels, quality)
        found = decode(data, LIMITS).pages[0].pixels
    strips = math.ceil(height / (8 * rows))
    assert markers(data) == [0xD0 + number % 8 for number in range(strips - 1)] + [0xD9]
    space = "GRAY" if channels == 1 else "RGB"
    expected = simplejpeg.decode_jpeg(in_one_piece(pixels, quality), space)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(simplejpeg.decode_jpeg(data, space), expected)


@pytest.mark.parametrize("channels", [1, 3])
def test_other_decoders_agree(channels: int) -> None:
    pixels = photograph(203, 117, channels)
    data, whole = written(pixels), in_one_piece(pixels)
    with Image.open(io.BytesIO(data)) as image, Image.open(io.BytesIO(whole)) as expected:
        assert image.size == (117, 203)
        np.testing.assert_array_equal(np.asarray(image), np.asarray(expected))
    decoded = imagecodecs.jpeg8_decode
    np.testing.assert_array_equal(decoded(data), decoded(whole))


@pytest.mark.parametrize("width", [1, 8, 1000, 8190, 65_500])
def test_an_interval_fits_its_field(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for strip_px in (0, 1 << 20, 1 << 40):
        monkeypatch.setattr(jpeg_strips, "_STRIP_PX", strip_px)
        rows = jpeg_strips.rows_per_strip(width)
        assert rows % 8 == 0
        assert 0 < math.ceil(width / 8) * rows // 8 <= 65_535


def test_metadata_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = Metadata(exif_block(), b"<x:xmpmeta/>", srgb_profile(), (300.0, 300.0))
    data = written(photograph(40, 30), metadata=metadata)
    assert len(markers(data)) == 5
    with Image.open(io.BytesIO(data)) as image:
        assert image.info["dpi"] == (300, 300)
        assert image.info["icc_profile"] == srgb_profile()
        assert image.getexif()
    found = decode(data, LIMITS).metadata
    assert (found.xmp, found.icc, found.dpi) == (b"<x:xmpmeta/>", srgb_profile(), (300.0, 300.0))


def test_damage_is_noticed() -> None:
    data = written(photograph(64, 48))
    second, third = (data.index(bytes((255, 0xD0 + number))) for number in (0, 1))
    cut = data[: len(data) * 2 // 3]
    lost = data[:second] + data[third:]
    swapped = data.replace(b"\xff\xd1", b"\xff\xd7")
    longer = data.replace(b"\xff\xd9", b"\xff\xd7\0\0\xff\xd9")
    for damaged in (cut, lost, swapped, longer, cut + b"\xff\xd9"):
        with pytest.raises(ImageError) as caught:
            decode(damaged, LIMITS)
        assert caught.value.error_class is ErrorClass.DECODE


def test_what_follows_the_picture_is_no_strip() -> None:
    pixels = photograph(64, 48)
    data = written(pixels)
    found = decode(data + b"\xff\xd0 another picture \xff\xd9", LIMITS).pages[0].pixels
    np.testing.assert_array_equal(found, simplejpeg.decode_jpeg(data, "RGB"))


@pytest.mark.parametrize(
    "options",
    [
        {"subsampling": "4:2:0", "restart_marker_rows": 1},
        {"subsampling": "4:4:4", "restart_marker_blocks": 5},
        {"subsampling": "4:4:4", "restart_marker_rows": 2, "progressive": True},
        {"subsampling": "4:4:4", "restart_marker_rows": 2, "optimize": True},
        {"subsampling": "4:4:4"},
    ],
)
def test_jpegs_of_others_decode_as_ever(options: dict[str, object]) -> None:
    data = saved(Image.fromarray(scene(83, 77)), "JPEG", **options)
    expected = simplejpeg.decode_jpeg(data, "RGB")
    np.testing.assert_array_equal(decode(data, LIMITS).pages[0].pixels, expected)


def test_strips_of_different_tables_are_not_joined() -> None:
    strips = [
        simplejpeg.encode_jpeg(photograph(8, 8), quality, "RGB", "444") for quality in (80, 81)
    ]
    with pytest.raises(ValueError, match="different tables"):
        b"".join(jpeg_strips.join(strips, 16))
