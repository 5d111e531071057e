"""Damaged, oversized and unsupported files: refused with their class, or decoded with a warning."""

from __future__ import annotations

import gc
import struct
import sys
import zlib
from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
import pytest

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs import Limits, decode
from sr_core.imaging.codecs.jpeg import stream
from tests.support.decoding import only_page, refusal, samples
from tests.support.image_files import (
    LIMITS,
    chunk,
    every_format,
    jpeg_with,
    picture,
    png,
    saved,
    scene,
    tiff,
    tiff_of,
)

FILES = every_format()


def test_linked_directories_that_run_in_a_circle_end() -> None:
    data = bytearray(tiff_of([scene(8, 8)] * 2, photometric="rgb"))
    first = struct.unpack_from("<I", data, 4)[0]
    second = struct.unpack_from("<I", data, first + 2 + 12 * data[first])[0]
    struct.pack_into("<I", data, second + 2 + 12 * data[second], first)
    assert len(decode(bytes(data), LIMITS).pages) == 2


@pytest.mark.parametrize("mode", ["RGB", "LAB", "P"])
def test_a_tiff_with_fewer_strips_than_its_height_takes_is_damage(mode: str) -> None:
    data = bytearray(saved(picture(mode), "TIFF"))
    at = data.index(struct.pack("<HHII", 0x0101, 4, 1, 40))
    struct.pack_into("<I", data, at + 8, 400)
    assert refusal(bytes(data)) is ErrorClass.DECODE


def test_a_damaged_orientation_of_a_tiff_turns_nothing() -> None:
    data = bytearray(tiff(scene(8, 12), photometric="rgb", extratags=[(274, 3, 1, 6, True)]))
    assert decode(bytes(data), LIMITS).pages[0].pixels.shape == (12, 8, 3)
    at = data.index(struct.pack("<HHI", 274, 3, 1))
    struct.pack_into("<I", data, at + 4, 1 << 26)
    assert decode(bytes(data), LIMITS).pages[0].pixels.shape == (8, 12, 3)


def test_thousands_of_pages_are_too_many() -> None:
    assert refusal(tiff_of([np.zeros((2, 2), np.uint8)] * 1_100)) is ErrorClass.TOO_LARGE


def test_the_pixels_of_all_pages_count_together() -> None:
    data = tiff_of([scene(20, 20)] * 3, photometric="rgb")
    assert len(decode(data, Limits(1 << 20, 100, 1_200, 1)).pages) == 3
    assert refusal(data, Limits(1 << 20, 100, 1_199, 1)) is ErrorClass.TOO_LARGE


@pytest.mark.parametrize(
    "data",
    [
        tiff(scene(8, 8).astype(np.float32), photometric="rgb"),
        tiff(scene(8, 8).astype(np.uint32), photometric="rgb"),
        tiff(scene(8, 8).astype(np.int16), photometric="rgb"),
        tiff(scene(8, 8), photometric="itulab"),
        tiff(scene(8, 8, 1).astype(np.complex64), photometric="minisblack"),
        imagecodecs.jpegxl_encode(scene(8, 8).astype(np.float32) / 255),
        imagecodecs.jpeg8_encode(scene(8, 8, 1, np.uint16) >> 4, bitspersample=12),
    ],
    ids=[
        "float",
        "32 bits",
        "signed",
        "itu lab",
        "complex",
        "float jxl",
        "12-bit jpeg",
    ],
)
def test_other_samples_are_an_unsupported_mode(data: bytes) -> None:
    assert refusal(data) is ErrorClass.UNSUPPORTED_MODE


@pytest.mark.parametrize("name", ["GIF", "WEBP", "PNG", "AVIF"])
def test_animations_have_a_class_of_their_own(name: str) -> None:
    frames = [picture(), picture().rotate(90)]
    data = saved(frames[0], name, save_all=True, append_images=frames[1:])
    assert refusal(data) is ErrorClass.ANIMATED


def test_damaged_pngs_do_not_wear_the_interpreter_out() -> None:
    data = bytearray(FILES["PNG"])
    data[len(data) // 2] ^= 255
    gc.collect()  # otherwise garbage of earlier tests might release its references meanwhile
    gc.disable()
    try:
        before = sys.getrefcount(None)
        for _ in range(300):
            assert refusal(bytes(data)) is ErrorClass.DECODE
        assert sys.getrefcount(None) > before - 100
    finally:
        gc.enable()


def with_wrong_check_sum(data: bytes, kind: bytes) -> bytes:
    at = data.index(kind)
    end = at + 4 + int.from_bytes(data[at - 4 : at])
    return data[:end] + bytes([data[end] ^ 1]) + data[end + 1 :]


@pytest.mark.parametrize("kind", [b"IHDR", b"PLTE", b"tRNS", b"IDAT"])
def test_a_wrong_check_sum_of_a_png_is_damage(kind: bytes) -> None:
    data = saved(picture("P"), "PNG", transparency=3)
    assert refusal(with_wrong_check_sum(data, kind)) is ErrorClass.DECODE


def _without_the_streams_check_sum(data: bytes) -> bytes:
    start = data.index(b"IDAT")
    rows = data[start + 4 : start + 4 + int.from_bytes(data[start - 4 : start])]
    return data[: start - 4] + chunk(b"IDAT", rows[:-4]) + data[start + 8 + len(rows) :]


@pytest.mark.parametrize(
    "change",
    [
        lambda data: with_wrong_check_sum(data, b"IEND"),
        lambda data: data[:-12],
        lambda data: data[:-14],
        _without_the_streams_check_sum,
    ],
    ids=["IEND", "no IEND", "cut in the last check sum", "no Adler-32"],
)
def test_oddities_of_a_png_that_change_no_pixel_are_warnings(
    change: Callable[[bytes], bytes],
) -> None:
    data = saved(picture("RGBA"), "PNG")
    found = decode(change(data), LIMITS)
    np.testing.assert_array_equal(samples(found.pages[0]), samples(only_page(data)))
    assert any(warning.startswith("the PNG is odd, but whole") for warning in found.warnings)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-2],
        lambda data: data[:-2] + b"\0\0trailer of a phone",
        lambda data: data.replace(b"JFIF\0\x01", b"JFIF\0\x02", 1),
        lambda data: data.replace(b"\0\x3f\0", b"\0\0\0", 1),
        lambda data: jpeg_with(data, (0xEE, b"Adobe\0d\0\0\0\0\x07")),
    ],
    ids=["no end", "no end but a trailer", "JFIF 2", "scan header of Samsung", "Adobe 7"],
)
def test_oddities_of_a_jpeg_that_change_no_pixel_are_warnings(
    change: Callable[[bytes], bytes],
) -> None:
    data = saved(picture(), "JPEG")
    odd = change(data)
    assert odd != data
    found = decode(odd, LIMITS)
    np.testing.assert_array_equal(samples(found.pages[0]), samples(only_page(data)))
    assert any(warning.startswith("the JPEG is odd, but whole") for warning in found.warnings)


@pytest.mark.parametrize("index", range(9))
def test_padding_after_a_scan_hides_no_damage_to_later_ones(index: int) -> None:
    data = saved(picture(height=160, width=120), "JPEG", progressive=True)
    at = stream.read(data).scans[index].end
    padded = data[:at] + bytes(5) + data[at:]
    np.testing.assert_array_equal(samples(only_page(padded)), samples(only_page(data)))
    cut = padded[: padded.rindex(b"\xff\xda") + 20]
    assert refusal(cut) is ErrorClass.DECODE
    assert refusal(cut + b"\xff\xd9") is ErrorClass.DECODE


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_anywhere_is_an_error_unless_all_pixels_are_there(name: str) -> None:
    data = FILES[name]
    whole = samples(only_page(data))
    cuts = {*range(30, len(data), max(1, len(data) // 40)), *range(len(data) - 24, len(data))}
    for length in cuts:
        try:
            found = decode(data[:length], LIMITS)
        except ImageError:
            continue
        assert length > len(data) - 24, length
        assert found.warnings, length
        np.testing.assert_array_equal(samples(found.pages[0]), whole)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 4}])
def test_a_jpeg_without_the_end_of_its_scan_is_no_picture_with_a_grey_bottom(
    options: dict[str, Any],
) -> None:
    data = saved(picture(height=160, width=160), "JPEG", **options)
    for share in (0.5, 0.8, 0.97):
        cut = data[: int(len(data) * share)]
        assert refusal(cut) is ErrorClass.DECODE
        assert refusal(cut + b"\xff\xd9") is ErrorClass.DECODE


def test_bytes_of_padding_before_the_end_of_a_jpeg_are_a_warning() -> None:
    decoded = decode(FILES["JPEG"][:-2] + bytes(4) + b"\xff\xd9", LIMITS)
    assert any("may be damaged" in warning for warning in decoded.warnings)
    np.testing.assert_array_equal(samples(decoded.pages[0]), samples(only_page(FILES["JPEG"])))


def test_a_jpeg_of_very_many_scans_is_refused() -> None:
    data = saved(picture(), "JPEG", progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    with pytest.raises(ImageError, match="more than 500 scans"):
        decode(data[:-2] + scan * 600 + data[-2:], LIMITS)


def test_limits_are_checked_before_pixels_are_decoded() -> None:
    for size in ((70_000, 2), (60_000, 60_000)):
        assert refusal(png(size=size)) is ErrorClass.TOO_LARGE
    assert refusal(FILES["PNG"], Limits(100, 100, 10_000, 1)) is ErrorClass.TOO_LARGE
    assert refusal(png(size=(0, 4))) is ErrorClass.DECODE


def test_absurdly_many_pixels_per_byte_are_flagged() -> None:
    rows = zlib.compress(bytes((3 * 2000 + 1) * 2000), 9)
    decoded = decode(png(size=(2000, 2000), idat=rows), LIMITS)
    assert any("pixels per byte" in warning for warning in decoded.warnings)
    assert not decode(FILES["PNG"], LIMITS).warnings


@pytest.mark.parametrize(
    "extra",
    [
        (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(60_000_000))),
        (b"iCCP", b"profile\0\0" + zlib.compress(bytes(60_000_000))),
        (b"iCCP", b"profile\0\0" + b"no zlib stream"),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(bytes(60_000_000))),
        (b"iTXt", b"XML:com.adobe.xmp\0"),
        (b"eXIf", b"neither II nor MM"),
        (b"eXIf", b"II*\0\xff\xff\xff\xff"),
        (b"pHYs", b"1"),
        (b"gAMA", b"\0\0\0\0"),
        (b"cHRM", bytes(32)),
    ],
)
def test_metadata_that_cannot_be_read_never_fail_a_png(extra: tuple[bytes, bytes]) -> None:
    decoded = decode(png(extra), LIMITS)
    assert decoded.pages[0].pixels.shape == (4, 4, 3)
    assert decoded.metadata.exif is None
    assert decoded.metadata.icc is None


def test_metadata_that_cannot_be_read_never_fail_a_jpeg() -> None:
    circle = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\x08\0\0\0"
    huge = b"Exif\0\0MM\0*" + bytes(65_000)
    far = b"Exif\0\0II*\0\xf0\xff\xff\xff"
    profile = b"ICC_PROFILE\0\x03\x02" + bytes(100)
    for segments in ([(0xE1, circle)], [(0xE1, huge)] * 200, [(0xE1, far)], [(0xE2, profile)]):
        decoded = decode(jpeg_with(FILES["JPEG"], *segments), LIMITS)
        np.testing.assert_array_equal(samples(decoded.pages[0]), samples(only_page(FILES["JPEG"])))
