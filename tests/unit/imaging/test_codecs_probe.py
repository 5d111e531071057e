"""Headers: read from the first bytes of a file; files that are not images."""

from __future__ import annotations

import pickle

import imagecodecs
import numpy as np
import pytest

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs import Header, NeedMoreBytes, decode, output_format, probe
from sr_core.imaging.codecs.formats import check_output_size
from tests.support.image_files import (
    LIMITS,
    every_format,
    exif_block,
    jpeg_with,
    picture,
    png,
    saved,
    scene,
    srgb_profile,
    tiff_of,
)

FILES = every_format()


def probed_by_growing(data: bytes, first: int = 16) -> tuple[Header, int]:
    """Probe a growing prefix of a file, as long as more bytes are asked for."""
    length = min(first, len(data))
    while isinstance(answer := answer_of(data, length), int):
        length = answer
    return answer, length


def answer_of(data: bytes, length: int) -> Header | int:
    """Return the header that a prefix gives, or the number of bytes that it asks for instead."""
    try:
        return probe(data[:length], len(data))
    except NeedMoreBytes as more:
        wanted = more.wanted_bytes
    assert length < wanted <= len(data)
    return wanted


@pytest.mark.parametrize("name", FILES)
def test_the_content_tells_format_and_size(name: str) -> None:
    header = probe(FILES[name])
    mode = "P" if name == "GIF" else "RGB"
    assert header == Header(name, mode, width_px=56, height_px=40)


@pytest.mark.parametrize("name", FILES)
def test_a_prefix_gives_the_same_header_or_asks_for_more(name: str) -> None:
    data = FILES[name]
    whole = probe(data)
    for length in {0, 1, 7, 12, 25, 40, len(data) // 2, len(data) - 1}:
        answer = answer_of(data, length)
        assert isinstance(answer, int) or answer == whole
    assert probed_by_growing(data)[0] == whole


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "JPEG2000", "JXL"])
def test_a_header_needs_little_of_its_file(name: str) -> None:
    _, length = probed_by_growing(FILES[name] + bytes(1 << 20))
    assert length < 1024


def test_a_jpeg_asks_for_exactly_the_segments_before_its_picture() -> None:
    profile = b"ICC_PROFILE\0\x01\x01" + bytes(60_000)
    data = jpeg_with(FILES["JPEG"], (0xE2, profile), (0xE2, profile))
    header, length = probed_by_growing(data, 1 << 16)
    assert header.width_px == 56
    assert 120_000 < length < 125_000


def test_our_own_tiff_has_its_first_directory_at_the_start() -> None:
    from sr_core.imaging.codecs import Page, Picture, encode

    data = encode(Picture((Page(scene(900, 900)),)), "tiff", 95)
    assert probed_by_growing(data)[1] < 2048


@pytest.mark.parametrize("orientation", range(1, 9))
def test_width_and_height_are_those_after_orientation(orientation: int) -> None:
    block = b"Exif\0\0" + exif_block(orientation)
    size = (40, 56) if orientation >= 5 else (56, 40)
    for name in ("JPEG", "PNG", "WEBP", "AVIF"):
        header = probe(saved(picture(), name, exif=block))
        assert (header.width_px, header.height_px, header.orientation) == (*size, orientation)


def test_pages_and_animations_are_seen() -> None:
    assert probe(tiff_of([scene(8, 9)] * 5, photometric="rgb")).pages == 5
    frames = [picture(), picture().rotate(90)]
    for name in ("GIF", "WEBP", "PNG", "AVIF"):
        animation = saved(frames[0], name, save_all=True, append_images=frames[1:])
        assert probe(animation).animated
    assert probe(imagecodecs.jpegxl_encode(np.stack([scene(8, 8)] * 3))).animated


def test_pixels_are_not_decoded() -> None:
    header = probe(png(size=(2_000_000_000, 3)))
    assert (header.width_px, header.height_px) == (2_000_000_000, 3)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        bytes(1000),
        b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
        bytes.fromhex("d0cf11e0a1b11ae1") + bytes(2048),  # Thumbs.db
        b"BMW is a make of cars, and this is a text about it.",
        b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(40),
        b"8BPS\x00\x01" + bytes(100),
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
        b"%PDF-1.7\n",
        b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(60),  # a camera raw file
        b"II*\0\x10\0\0\0CR\x02\0" + bytes(100),  # a camera raw file
        FILES["PNG"].replace(b"\r\n", b"\n"),  # transferred as text
        FILES["JPEG"][2:],
    ],
)
def test_what_is_no_image_is_an_unsupported_format(data: bytes) -> None:
    with pytest.raises(ImageError) as caught:
        probe(data)
    assert caught.value.error_class is ErrorClass.UNSUPPORTED_FORMAT


@pytest.mark.parametrize("name", sorted(set(FILES) - {"JXL"}))  # its header has only 9 bytes
def test_a_file_that_ends_within_its_header_is_damage(name: str) -> None:
    for length in (3, 9):
        with pytest.raises(ImageError) as caught:
            probe(FILES[name][:length])
        assert caught.value.error_class in (ErrorClass.DECODE, ErrorClass.UNSUPPORTED_FORMAT)


def test_a_dng_is_refused_rather_than_its_preview_taken() -> None:
    data = tiff_of([scene(8, 8)], photometric="rgb", extratags=[(50706, 1, 4, b"\1\4\0\0", True)])
    with pytest.raises(ImageError, match="raw") as caught:
        probe(data)
    assert caught.value.error_class is ErrorClass.UNSUPPORTED_FORMAT


def test_a_request_for_more_bytes_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(NeedMoreBytes(7))).wanted_bytes == 7


def test_a_profile_in_many_segments_does_not_disturb() -> None:
    data = saved(picture(), "JPEG", icc_profile=srgb_profile() + bytes(200_000))
    assert decode(data, LIMITS).pages[0].pixels.shape == (40, 56, 3)


@pytest.mark.parametrize(
    ("source", "wanted", "pages", "expected"),
    [
        ("JPEG", "source", 1, "jpeg"),
        ("PNG", "source", 1, "png"),
        ("WEBP", "source", 1, "webp"),
        ("TIFF", "source", 1, "tiff"),
        ("JXL", "source", 1, "jxl"),
        ("GIF", "source", 1, "png"),
        ("BMP", "source", 1, "png"),
        ("AVIF", "source", 1, "png"),
        ("JPEG2000", "source", 1, "png"),
        ("PNG", "jpeg", 1, "jpeg"),
        ("TIFF", "jpeg", 3, "tiff"),
    ],
)
def test_the_output_follows_the_source_unless_chosen(
    source: str, wanted: str, pages: int, expected: str
) -> None:
    assert output_format(source, wanted, pages) == expected


def test_outputs_beyond_their_format_are_refused() -> None:
    check_output_size("webp", 16_383, 10, 1 << 30)
    for name, width, most in (("webp", 16_384, 1 << 30), ("png", 20_000, 10_000)):
        with pytest.raises(ImageError) as caught:
            check_output_size(name, width, 10, most)
        assert caught.value.error_class is ErrorClass.TOO_LARGE
