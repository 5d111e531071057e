"""Decoding: every kind of pixels, damage and limits."""

from __future__ import annotations

import gc
import io
import struct
import sys
import zlib
from typing import Any

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs import Limits, Page, Picture, decode
from tests.support.image_files import (
    LIMITS,
    every_format,
    exif_block,
    jpeg_with,
    picture,
    png,
    press_profile,
    saved,
    scene,
    srgb_profile,
    tiff,
    tiff_of,
)

FILES = every_format()
LOSSLESS = ("PNG", "TIFF", "BMP", "JPEG2000", "JXL")


def only_page(data: bytes) -> Page:
    (page,) = decode(data, LIMITS).pages
    return page


def refusal(data: bytes, limits: Limits = LIMITS) -> ErrorClass:
    with pytest.raises(ImageError) as caught:
        decode(data, limits)
    return caught.value.error_class


def samples(page: Page) -> NDArray[Any]:
    """Return pixels and alpha as one array, (H, W) for opaque grey."""
    if page.alpha is not None:
        return np.concatenate([page.pixels, page.alpha[..., None]], 2)
    return page.pixels[..., 0] if page.pixels.shape[2] == 1 else page.pixels


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


@pytest.mark.parametrize("name", ["PNG", "GIF"])
def test_a_palette_with_transparency_gets_alpha(name: str) -> None:
    image = picture("P")
    clear = int(np.asarray(image)[3, 4])
    page = only_page(saved(image, name, transparency=clear))
    assert page.alpha is not None
    np.testing.assert_array_equal(page.alpha == 0, np.asarray(image) == clear)


def test_one_transparent_colour_gets_alpha() -> None:
    image = picture()
    colour = image.getpixel((3, 4))
    page = only_page(saved(image, "PNG", transparency=colour))
    assert page.alpha is not None
    np.testing.assert_array_equal(page.alpha == 0, (scene(40, 56) == colour).all(-1))


def test_premultiplied_alpha_is_made_straight() -> None:
    rgba = scene(40, 56, 4)
    rgba[..., :3] = np.minimum(rgba[..., :3], rgba[..., 3:])
    page = only_page(tiff(rgba, photometric="rgb", extrasamples=["assocalpha"]))
    assert page.alpha is not None
    expected = rgba[..., :3] * 255.0 / np.maximum(rgba[..., 3:], 1)
    seen = rgba[..., 3] > 0
    assert np.abs(page.pixels - expected)[seen].max() <= 0.51


def test_white_can_be_zero() -> None:
    grey = scene(40, 56, 1)
    page = only_page(tiff(grey, photometric="miniswhite"))
    np.testing.assert_array_equal(page.pixels[..., 0], 255 - grey)


def test_cmyk_goes_to_srgb_by_arithmetic_and_says_so() -> None:
    image = picture("CMYK")
    for data in (saved(image, "TIFF"), saved(image, "JPEG", quality=100, subsampling=0)):
        decoded = decode(data, LIMITS)
        assert decoded.mode_in == "CMYK"
        assert any("CMYK" in warning for warning in decoded.warnings)
        expected = np.asarray(image.convert("RGB")).astype(int)
        # Not a negative: Adobe stores the inks of a JPEG inverted.
        assert np.abs(samples(decoded.pages[0]) - expected).max() <= 6


def test_ycck_is_cmyk_too() -> None:
    inks = 255 - np.asarray(picture("CMYK"))
    data = imagecodecs.jpeg8_encode(inks, level=100, colorspace="CMYK", outcolorspace="YCCK")
    expected = np.asarray(picture("CMYK").convert("RGB")).astype(int)
    assert np.abs(samples(only_page(data)) - expected).mean() < 8


def test_lab_goes_to_srgb() -> None:
    decoded = decode(saved(picture("LAB"), "TIFF"), LIMITS)
    assert decoded.mode_in == "LAB"
    assert np.abs(samples(decoded.pages[0]).astype(int) - scene(40, 56)).mean() < 3
    assert decoded.metadata.icc is None


def test_a_cmyk_picture_drops_a_profile_that_is_not_for_it() -> None:
    decoded = decode(saved(picture("CMYK"), "TIFF", icc_profile=srgb_profile()), LIMITS)
    assert decoded.metadata.icc is None
    assert any("cannot be used" in warning for warning in decoded.warnings)


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
        tiff(scene(8, 8, 5), photometric="rgb"),
        tiff(scene(8, 8, 1).astype(np.complex64), photometric="minisblack"),
        imagecodecs.jpegxl_encode(scene(8, 8).astype(np.float32) / 255),
        imagecodecs.jpeg8_encode(scene(8, 8, 1, np.uint16) >> 4, bitspersample=12),
    ],
    ids=["float", "32 bits", "signed", "five channels", "complex", "float jxl", "12-bit jpeg"],
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


@pytest.mark.parametrize("kind", [b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"])
def test_a_wrong_check_sum_of_a_png_is_damage(kind: bytes) -> None:
    data = bytearray(saved(picture("P"), "PNG", transparency=3))
    at = data.index(kind)
    length = int.from_bytes(data[at - 4 : at])
    data[at + 4 + length] ^= 1
    assert refusal(bytes(data)) is ErrorClass.DECODE


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_anywhere_is_an_error(name: str) -> None:
    data = FILES[name]
    # Bytes after the last pixel of a GIF carry no information.
    last = 2 if name == "GIF" else 0
    for length in {*range(30, len(data), max(1, len(data) // 40)), len(data) - 1 - last}:
        with pytest.raises(ImageError):
            decode(data[:length], LIMITS)


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


@pytest.mark.slow
def test_our_own_outputs_of_192_megapixels_open() -> None:
    from sr_core.imaging.codecs import encode

    pixels = np.zeros((12_000, 16_000, 1), np.uint8)
    pixels[::7, ::11] = 200
    data = encode(Picture((Page(pixels),)), "png", 95)
    again = decode(data, Limits(1 << 30, 65_500, 200_000_000, 1))
    np.testing.assert_array_equal(again.pages[0].pixels, pixels)


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


def test_cmyk_goes_through_its_profile() -> None:
    inks = np.zeros((8, 8, 4), np.uint8)
    inks[4:, :, 0] = 255
    image = Image.fromarray(inks, "CMYK")
    for data in (
        saved(image, "TIFF", icc_profile=press_profile()),
        saved(image, "JPEG", icc_profile=press_profile(), quality=100, subsampling=0),
    ):
        decoded = decode(data, LIMITS)
        pixels = decoded.pages[0].pixels.astype(int)
        assert np.abs(pixels[0, 0] - 255).max() <= 3
        red, green, blue = pixels[7, 7]  # arithmetic would give (0, 255, 255)
        assert green > 100
        assert green - red > 50
        assert green - blue > 5
        assert decoded.metadata.icc is None
        assert decoded.warnings == ("CMYK converted to sRGB",)


def test_a_profile_for_other_pixels_is_dropped() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for image, profile in ((picture(), lab), (picture("L"), srgb_profile())):
        decoded = decode(saved(image, "PNG", icc_profile=profile), LIMITS)
        assert decoded.metadata.icc is None
        assert any("ICC profile is for" in warning for warning in decoded.warnings)


def test_exif_of_a_picture_is_kept() -> None:
    data = saved(picture(), "JPEG", exif=b"Exif\0\0" + exif_block())
    assert decode(data, LIMITS).metadata.exif == exif_block()
