"""Damaged files whose readable part is kept on request, with the rest marked by grey."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs import Picture, decode
from tests.support.decoding import samples
from tests.support.image_files import LIMITS, chunk, jpeg_with, picture, saved, scene, tiff, tiff_of

GREY = 128


def salvaged(data: bytes) -> Picture:
    """Salvage a file that is refused, with a hint, without being asked."""
    with pytest.raises(ImageError, match="which --salvage keeps") as caught:
        decode(data, LIMITS)
    assert caught.value.error_class is ErrorClass.DECODE
    return decode(data, LIMITS, salvage=True)


def check_top(found: Picture, whole: Picture, *, tolerance: int = 0, context: int = 0) -> int:
    """Check that the top of a picture is there and the rest grey; return the first grey row.

    Args:
        found: the salvaged picture.
        whole: the undamaged picture.
        tolerance: largest difference of a sample.
        context: rows above the grey that may differ more: their chroma is of rows below.
    """
    ((top, bottom, left, right),) = found.pages[0].blank
    height, width = whole.pages[0].pixels.shape[:2]
    assert (bottom, left, right) == (height, 0, width)
    assert found.decoded_share == pytest.approx(top / height)
    assert 0 < top < height
    kept = top - context
    difference = samples(found.pages[0])[:kept].astype(int) - samples(whole.pages[0])[:kept]
    assert np.abs(difference).max() <= tolerance
    grey = found.pages[0].pixels[top:]
    assert np.unique(grey).tolist() == [GREY if grey.dtype == np.uint8 else GREY << 8]
    (note,) = (warning for warning in found.warnings if warning.startswith("salvaged:"))
    assert f"rows {top} to {height - 1} of" in note
    return top


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"subsampling": 0},
        {"restart_marker_blocks": 4},
        {"restart_marker_rows": 1},
        {"quality": 100},
    ],
    ids=str,
)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_the_rows_of_a_truncated_jpeg_are_kept(mode: str, options: dict[str, Any]) -> None:
    data = saved(picture(mode, height=160, width=120), "JPEG", **options)
    whole = decode(data, LIMITS)
    tops = []
    for share in (0.5, 0.8, 0.99):
        cut = data[: int(len(data) * share)]
        for file in (cut, cut + b"\xff\xd9"):
            found = salvaged(file)
            top = check_top(found, whole, context=1)
        tops.append(top)
    assert tops == sorted(tops)
    assert tops[-1] >= 144


def test_what_remains_of_a_progressive_jpeg_is_coarse_not_invented() -> None:
    data = saved(picture(height=160, width=120), "JPEG", progressive=True)
    whole = samples(decode(data, LIMITS).pages[0]).astype(int)
    shares, errors = [], []
    for scan in (3, 5, 9):
        at = [index for index in range(len(data)) if data[index : index + 2] == b"\xff\xda"][scan]
        found = salvaged(data[: at + 10])
        assert not found.pages[0].blank
        assert found.decoded_share is not None
        shares.append(found.decoded_share)
        errors.append(np.abs(samples(found.pages[0]) - whole).mean())
    assert shares == sorted(shares)
    assert shares[-1] < 1
    assert errors == sorted(errors, reverse=True)
    assert salvaged(data[: data.index(b"\xff\xda") + 200]).pages[0].blank


def test_a_progressive_jpeg_that_ends_between_scans_is_not_whole() -> None:
    data = saved(picture(height=160, width=120), "JPEG", progressive=True)
    assert salvaged(data[: data.rindex(b"\xff\xda")]).decoded_share


@pytest.mark.parametrize("turn", range(1, 9))
def test_the_grey_part_is_turned_with_the_picture(turn: int) -> None:
    data = saved(picture(height=160, width=120), "JPEG")
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0" + bytes([turn]) + bytes(7)
    data = jpeg_with(data, (0xE1, exif))
    found, whole = decode(data[:-1500], LIMITS, salvage=True), decode(data, LIMITS)
    page = found.pages[0]
    assert page.pixels.shape == whole.pages[0].pixels.shape
    ((top, bottom, left, right),) = page.blank
    assert np.all(page.pixels[top:bottom, left:right] == GREY)
    kept = np.ones(page.pixels.shape[:2], bool)
    kept[max(0, top - 1) : bottom + 1, max(0, left - 1) : right + 1] = False
    np.testing.assert_array_equal(page.pixels[kept], whole.pages[0].pixels[kept])


def test_a_file_of_which_nothing_can_be_decoded_is_refused_all_the_same() -> None:
    data = saved(picture(), "JPEG")
    with pytest.raises(ImageError, match="nothing of it"):
        decode(data[: data.index(b"\xff\xda") + 20], LIMITS, salvage=True)


@pytest.mark.parametrize(
    ("options", "step"),
    [
        ({"rowsperstrip": 160}, 1),
        ({"rowsperstrip": 16}, 1),
        ({"rowsperstrip": 160, "compression": "lzw"}, 1),
        ({"rowsperstrip": 16, "compression": "zlib"}, 16),
        ({"rowsperstrip": 16, "compression": "packbits"}, 1),
        ({"rowsperstrip": 16, "compression": "jpeg"}, 16),
        ({"tile": (32, 32), "compression": "lzw"}, 32),
        ({"tile": (32, 32)}, 32),
        ({"rowsperstrip": 16, "byteorder": ">", "bigtiff": True}, 1),
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_rows_of_a_truncated_tiff_are_kept(
    dtype: type[np.uint8 | np.uint16], options: dict[str, Any], step: int
) -> None:
    if dtype is np.uint16 and options.get("compression") == "jpeg":
        pytest.skip("libtiff writes JPEG of 8 bits")
    data = tiff(scene(160, 120, dtype=dtype), photometric="rgb", **options)
    whole = decode(data, LIMITS)
    for share in (0.6, 0.9):
        top = check_top(salvaged(data[: int(len(data) * share)]), whole)
        assert top % step == 0
        assert top > 160 * share - 40


def test_strips_that_claim_more_bytes_than_they_need_are_an_oddity() -> None:
    data = tiff(scene(16, 24), photometric="rgb", rowsperstrip=16, compression="zlib")
    whole = decode(data, LIMITS)
    found = decode(data[:-1], LIMITS)  # the last byte is of the checksum
    np.testing.assert_array_equal(samples(found.pages[0]), samples(whole.pages[0]))
    assert found.warnings[0].startswith("the TIFF is odd, but whole")


@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
def test_a_truncated_tiff_of_jpeg_is_never_whole(mode: str) -> None:
    data = saved(picture(mode, height=160, width=120), "TIFF", compression="jpeg")
    offsets = data.index(struct.pack("<HH", 0x111, 4))
    assert offsets > 8
    with pytest.raises(ImageError):
        decode(data[: len(data) // 2], LIMITS)


def test_a_page_of_several_is_salvaged_among_whole_ones() -> None:
    pages = [scene(40, 24), scene(40, 24)[::-1]]
    data = tiff_of(pages, photometric="rgb", rowsperstrip=8)
    found = salvaged(data[:-400])
    assert found.decoded_share == pytest.approx(1 - 6 / 80)
    assert not found.pages[0].blank
    np.testing.assert_array_equal(found.pages[0].pixels, pages[0])
    assert "page 2:" in found.warnings[0]


@pytest.mark.parametrize("depth", [1, 4, 8, 24, 32])
def test_the_rows_of_a_truncated_bmp_are_kept_from_below(depth: int) -> None:
    mode = {1: "1", 4: "P", 8: "P", 24: "RGB", 32: "RGBA"}[depth]
    data = saved(picture(mode, height=160, width=120), "BMP")
    found, whole = salvaged(data[: -(len(data) // 3)]), decode(data, LIMITS)
    ((top, bottom, _, _),) = found.pages[0].blank
    assert (top, found.decoded_share) == (0, pytest.approx(1 - bottom / 160))
    np.testing.assert_array_equal(
        samples(found.pages[0])[bottom:], samples(whole.pages[0])[bottom:]
    )
    assert np.all(found.pages[0].pixels[:bottom] == GREY)


@pytest.mark.parametrize("options", [{"interlace": 0}, {"interlace": 0, "transparency": 3}])
def test_the_rows_of_a_truncated_gif_are_kept(options: dict[str, Any]) -> None:
    data = saved(picture("P", height=160, width=120), "GIF", **options)
    whole = decode(data, LIMITS)
    check_top(salvaged(data[: len(data) // 2]), whole)


def test_the_lost_rows_of_an_interlaced_gif_are_grey_between_the_others() -> None:
    data = saved(picture("P", height=160, width=120), "GIF", interlace=1)
    found, whole = salvaged(data[: len(data) // 2]), decode(data, LIMITS)
    lost = np.zeros(160, bool)
    for top, bottom, _, _ in found.pages[0].blank:
        lost[top:bottom] = True
    pixels = samples(found.pages[0])
    assert np.all(pixels[lost] == GREY)
    np.testing.assert_array_equal(pixels[~lost], samples(whole.pages[0])[~lost])
    assert found.decoded_share == pytest.approx(1 - lost.mean())


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_the_rows_of_a_truncated_webp_are_kept(mode: str, *, lossless: bool) -> None:
    data = saved(picture(mode, height=160, width=120), "WEBP", lossless=lossless, exact=True)
    whole = decode(data, LIMITS)
    start = data.index(b"VP8L" if lossless else b"VP8 ")  # alpha of lossy files comes first
    check_top(salvaged(data[: start + (len(data) - start) * 4 // 5]), whole)


@pytest.mark.parametrize("change", [-40, 400])
def test_a_wrong_size_in_the_head_of_a_webp_is_an_oddity(change: int) -> None:
    data = saved(picture(), "WEBP", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0")
    odd = data[:4] + (len(data) - 8 + change).to_bytes(4, "little") + data[8:]
    found = decode(odd, LIMITS)
    np.testing.assert_array_equal(samples(found.pages[0]), samples(decode(data, LIMITS).pages[0]))
    assert any("odd, but whole" in warning for warning in found.warnings)


def test_a_whole_file_has_no_share() -> None:
    found = decode(saved(picture(), "JPEG"), LIMITS, salvage=True)
    assert (found.decoded_share, found.warnings) == (None, ())


@pytest.mark.parametrize("options", [{}, {"bits": 4}], ids=str)
@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "I;16", "1"])
def test_the_rows_of_a_truncated_png_are_kept(mode: str, options: dict[str, Any]) -> None:
    if options and mode != "P":
        pytest.skip("only palettes have fewer bits")
    image = picture("L" if mode == "I;16" else mode, height=160, width=120)
    data = saved(image.convert("I;16") if mode == "I;16" else image, "PNG", **options)
    whole = decode(data, LIMITS)
    for share in (0.5, 0.9):
        check_top(salvaged(data[: int(len(data) * share)]), whole)


def test_rows_after_a_wrong_check_sum_of_a_png_are_not_trusted() -> None:
    start = saved(picture(height=160, width=120), "PNG")
    whole = decode(start, LIMITS)
    rows = zlib.compress(raw_rows(whole), 1)
    parts = [rows[at : at + 4000] for at in range(0, len(rows), 4000)]
    chunks = [chunk(b"IDAT", part) for part in parts]
    damaged = bytearray(chunks[5])
    damaged[2000] ^= 0x55
    data = start[:33] + b"".join([*chunks[:5], damaged, *chunks[6:]]) + chunk(b"IEND", b"")
    top = check_top(salvaged(data), whole)
    assert top >= 160 * 5 / len(parts) - 12


def test_rows_with_a_wrong_check_sum_are_kept_if_that_of_the_stream_is_right() -> None:
    data = saved(picture(), "PNG")
    end = data.index(b"IEND") - 8
    found = salvaged(data[:end] + bytes([data[end] ^ 1]) + data[end + 1 :])
    assert found.decoded_share == 0.999
    np.testing.assert_array_equal(samples(found.pages[0]), samples(decode(data, LIMITS).pages[0]))


def raw_rows(whole: Picture) -> bytes:
    pixels = whole.pages[0].pixels
    return b"".join(b"\0" + row.tobytes() for row in pixels)


def interlaced(pixels: NDArray[np.uint8]) -> bytes:
    """Write RGB as an interlaced PNG."""
    starts = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4))
    starts += ((2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    rows = b"".join(
        b"\0" + row.tobytes()
        for top, left, down, across in starts
        for row in pixels[top::down, left::across]
    )
    head = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 8, 2, 0, 0, 1)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, body) for kind, body in parts)


@pytest.mark.parametrize("size", [(40, 56), (13, 9)])
def test_what_remains_of_an_interlaced_png_is_coarse(size: tuple[int, int]) -> None:
    pixels = scene(*size)
    data = interlaced(pixels)
    np.testing.assert_array_equal(decode(data, LIMITS).pages[0].pixels, pixels)
    grids = {1 / 2: (2, 1), 1 / 4: (2, 2), 1 / 8: (4, 2), 1 / 16: (4, 4), 1 / 32: (8, 4)}
    for part in (0.3, 0.6, 0.9):
        found = salvaged(data[: int(len(data) * part)])
        assert found.decoded_share is not None
        down, across = grids[found.decoded_share]
        coarse = pixels[::down, ::across].repeat(down, axis=0).repeat(across, axis=1)
        expected = coarse[: size[0], : size[1]]
        np.testing.assert_array_equal(found.pages[0].pixels, expected)
