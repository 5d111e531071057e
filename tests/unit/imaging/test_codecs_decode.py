"""Decoding: depths, modes, pages and orientations."""

from __future__ import annotations

import io
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from sr_core.imaging.codecs import Limits, Page, Picture, decode
from tests.support.decoding import only_page, samples
from tests.support.image_files import (
    LIMITS,
    every_format,
    exif_block,
    picture,
    saved,
    scene,
    tiff,
    tiff_of,
)

FILES = every_format()
LOSSLESS = ("PNG", "TIFF", "BMP", "JPEG2000", "JXL")


@pytest.mark.parametrize("name", FILES)
def test_arrays_are_contiguous_and_writable(name: str) -> None:
    for data in (FILES[name], saved(picture("RGBA"), "PNG"), saved(picture("L"), "JPEG")):
        page = only_page(data)
        for array in (page.pixels, page.alpha):
            if array is not None:
                assert array.flags.c_contiguous
                assert array.flags.writeable
                assert array.dtype == array.dtype.newbyteorder("=")


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_formats_give_the_pixels_that_were_written(name: str) -> None:
    np.testing.assert_array_equal(samples(only_page(FILES[name])), scene(40, 56))


@pytest.mark.parametrize("name", ["JPEG", "WEBP", "AVIF"])
def test_lossy_formats_agree_with_pillow(name: str) -> None:
    expected = np.asarray(Image.open(io.BytesIO(FILES[name])).convert("RGB")).astype(int)
    assert np.abs(samples(only_page(FILES[name])) - expected).max() <= 2


@pytest.mark.parametrize(
    ("mode", "name"),
    [(mode, "PNG") for mode in ("1", "L", "LA", "P", "RGB", "RGBA")]
    + [(mode, "TIFF") for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "YCbCr")]
    + [(mode, "BMP") for mode in ("1", "L", "P", "RGB")]
    + [(mode, "JPEG2000") for mode in ("L", "LA", "RGB", "RGBA")]
    + [("P", "GIF"), ("L", "GIF")],
)
def test_modes_become_grey_or_rgb_with_their_alpha(mode: str, name: str) -> None:
    image = picture(mode)
    target = {"1": "L", "P": "RGB", "YCbCr": "RGB"}.get(mode, mode)
    got = samples(only_page(saved(image, name))).astype(int)
    if name == "GIF" and mode == "L":  # only the colours of its palette reveal that it is grey
        got = got[..., 0]
    expected = np.asarray(image.convert(target)).astype(int)
    assert got.shape == expected.shape
    assert np.abs(got - expected).max() <= (1 if mode == "YCbCr" else 0)


def test_grey_stays_exactly_neutral_in_a_format_without_grey() -> None:
    pixels = only_page(saved(picture("L"), "WEBP", lossless=True)).pixels
    assert (pixels[..., 0] == pixels[..., 1]).all()
    assert (pixels[..., 0] == pixels[..., 2]).all()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("writer", ["png", "tiff", "tiff_big_endian", "tiff_planes", "jp2", "jxl"])
def test_16_bits_are_kept(writer: str, channels: int) -> None:
    deep = scene(40, 56, channels, np.uint16)
    kind = "rgb" if channels == 3 else "minisblack"
    planes = np.ascontiguousarray(np.moveaxis(deep, -1, 0)) if channels == 3 else deep
    data = {
        "png": lambda: imagecodecs.png_encode(deep),
        "tiff": lambda: tiff(deep, photometric=kind),
        "tiff_big_endian": lambda: tiff(deep, photometric=kind, byteorder=">"),
        "tiff_planes": lambda: tiff(
            planes, photometric=kind, planarconfig="separate" if channels == 3 else None
        ),
        "jp2": lambda: imagecodecs.jpeg2k_encode(deep, level=0, reversible=True),
        "jxl": lambda: imagecodecs.jpegxl_encode(deep, lossless=True),
    }[writer]()
    decoded = decode(data, LIMITS)
    assert (decoded.bit_depth, decoded.mode_in) == (16, "RGB;16" if channels == 3 else "L;16")
    np.testing.assert_array_equal(samples(decoded.pages[0]), deep)


def test_16_bit_grey_with_alpha_is_kept() -> None:
    deep = scene(40, 56, 2, np.uint16)
    np.testing.assert_array_equal(samples(only_page(imagecodecs.png_encode(deep))), deep)


@pytest.mark.parametrize("bits", [2, 4, 10, 12])
def test_odd_depths_are_spread_over_the_full_range(bits: int) -> None:
    top = (1 << bits) - 1
    dtype = np.uint16 if bits > 8 else np.uint8
    values = np.tile(np.arange(min(top + 1, 64)).astype(dtype), (16, 1))
    values[-1, -1] = top
    files = [tiff(values, bitspersample=bits, photometric="minisblack")] if bits != 10 else []
    if bits > 8:
        files.append(imagecodecs.jpeg2k_encode(values, bitspersample=bits, reversible=True))
        files.append(imagecodecs.jpegxl_encode(values, bitspersample=bits, lossless=True))
    for data in files:
        decoded = decode(data, LIMITS)
        assert decoded.bit_depth == bits
        full = np.iinfo(dtype).max
        expected = np.floor(values / top * full + 0.5)
        np.testing.assert_array_equal(samples(decoded.pages[0]), expected)


def test_deep_avif_is_not_cut_to_8_bits() -> None:
    deep = scene(40, 56, 3, np.uint16) >> 6
    data = imagecodecs.avif_encode(deep, level=100, bitspersample=10)
    decoded = decode(data, LIMITS)
    assert (decoded.bit_depth, decoded.pages[0].pixels.dtype) == (10, np.uint16)
    error = np.abs(samples(decoded.pages[0]) / 65_535 - deep / 1023)
    assert error.max() < 0.02


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_orientation_is_applied_and_its_tag_removed(name: str, orientation: int) -> None:
    ways = Image.Transpose
    undo = {
        2: ways.FLIP_LEFT_RIGHT,
        3: ways.ROTATE_180,
        4: ways.FLIP_TOP_BOTTOM,
        5: ways.TRANSPOSE,
        6: ways.ROTATE_90,
        7: ways.TRANSVERSE,
        8: ways.ROTATE_270,
    }
    upright = picture()
    stored = upright if orientation == 1 else upright.transpose(undo[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = decode(saved(stored, name, exif=exif), LIMITS)
    assert decoded.orientation_in == orientation
    assert decoded.pages[0].pixels.shape == (40, 56, 3)
    difference = np.abs(samples(decoded.pages[0]).astype(int) - scene(40, 56))
    assert difference.mean() < (0.1 if name in LOSSLESS else 8)
    again = Image.Exif()
    again.load(b"Exif\0\0" + (decoded.metadata.exif or b""))
    assert again.get(0x0112, 1) == 1


@pytest.mark.parametrize("options", [{"progressive": True}, {"subsampling": "4:1:1"}, {}])
def test_jpegs_of_all_kinds_agree_with_pillow(options: dict[str, Any]) -> None:
    data = saved(picture(), "JPEG", **options)
    np.testing.assert_array_equal(
        samples(only_page(data)), np.asarray(Image.open(io.BytesIO(data)))
    )


def test_all_pages_of_a_tiff_are_decoded_each_at_its_own_size() -> None:
    pages = [scene(8 + index, 9, 3) for index in range(4)]
    decoded = decode(tiff_of(pages, photometric="rgb"), LIMITS)
    assert len(decoded.pages) == 4
    for page, expected in zip(decoded.pages, pages, strict=True):
        np.testing.assert_array_equal(page.pixels, expected)


def test_smaller_copies_of_a_page_are_no_pages() -> None:
    file = io.BytesIO()
    import tifffile

    with tifffile.TiffWriter(file) as writer:
        writer.write(scene(64, 64), photometric="rgb", metadata=None)
        writer.write(scene(32, 32), photometric="rgb", metadata=None, subfiletype=1)
        writer.write(scene(48, 48), photometric="rgb", metadata=None)
    decoded = decode(file.getvalue(), LIMITS)
    assert [page.pixels.shape[0] for page in decoded.pages] == [64, 48]


@pytest.mark.slow
def test_our_own_outputs_of_192_megapixels_open() -> None:
    from sr_core.imaging.codecs import encode

    pixels = np.zeros((12_000, 16_000, 1), np.uint8)
    pixels[::7, ::11] = 200
    data = encode(Picture((Page(pixels),)), "png", 95)
    again = decode(data, Limits(1 << 30, 65_500, 200_000_000, 1))
    np.testing.assert_array_equal(again.pages[0].pixels, pixels)


def test_several_pictures_in_a_jpeg_are_named() -> None:
    data = saved(picture(), "MPO", save_all=True, append_images=[picture().rotate(180)])
    decoded = decode(data, LIMITS)
    assert len(decoded.pages) == 1
    assert any("main picture" in warning for warning in decoded.warnings)


def test_orientation_of_jpeg_xl_lies_in_its_own_header() -> None:
    for orientation in range(1, 9):
        decoded = decode(jxl_with_orientation(orientation), LIMITS)
        assert decoded.orientation_in == orientation
        turned = {
            1: lambda a: a,
            2: lambda a: a[:, ::-1],
            3: lambda a: a[::-1, ::-1],
            4: lambda a: a[::-1],
            5: lambda a: a.swapaxes(0, 1),
            6: lambda a: np.rot90(a, -1),
            7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
            8: lambda a: np.rot90(a, 1),
        }[orientation](scene(24, 40))
        np.testing.assert_array_equal(samples(decoded.pages[0]), turned)


def jxl_with_orientation(orientation: int) -> bytes:
    """Write 40x24 RGB and replace the header before its frame.

    Both headers hold: small, height / 8 - 1, no ratio, width / 8 - 1, not all default; then 8 bits,
    16-bit buffers, no extra channels, no XYB, sRGB; no extensions, default transform.
    """
    data = imagecodecs.jpegxl_encode(scene(24, 40), lossless=True, effort=1, usecontainer=False)
    size = "1" + f"{2:05b}"[::-1] + "000" + f"{4:05b}"[::-1] + "0"
    samples_and_colours = "0" + "00" + "1" + "00" + "0" + "1"
    plain = size + "0" + samples_and_colours + "00" + "1"
    extra = "1" + f"{orientation - 1:03b}"[::-1] + "000"
    # The extra fields include the tone mapping, which is all default.
    turned = size + extra + samples_and_colours + "1" + "00" + "1"
    assert data[2 : 2 + len(packed(plain))] == packed(plain)
    return data[:2] + packed(turned) + data[2 + len(packed(plain)) :]


def packed(bits: str) -> bytes:
    return int(bits[::-1], 2).to_bytes((len(bits) + 7) // 8, "little")


def test_exif_of_a_picture_is_kept() -> None:
    data = saved(picture(), "JPEG", exif=b"Exif\0\0" + exif_block())
    assert decode(data, LIMITS).metadata.exif == exif_block()
