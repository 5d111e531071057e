"""Odd files: any bytes end in a picture or an ImageError, never in anything else."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs import Limits, NeedMoreBytes, Picture, decode, encode, losses, probe
from tests.support.colour_files import colour_files
from tests.support.image_files import (
    LIMITS,
    every_format,
    exif_block,
    picture,
    png,
    saved,
    scene,
    srgb_profile,
    tiff_of,
)

# Pillow warns while it reads what it can of the EXIF tags of damaged TIFF files.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

COLOURS = {file.name: file for file in colour_files()}
ODD_COLOURS = (
    *("JXL-icc lossy alpha", "JXL-icc lossless", "JXL-grey gamma", "JP2-icc-2", "JP2-lab"),
    *("JP2-cdef-alpha", "AVIF-nclx-9-1", "PNG-cicp-over-all", "BMP-calibrated-124", "GIF-icc"),
    *("TIFF-cmyk-icc-uint16-separate-tiles", "TIFF-icclab-16", "TIFF-mask-and-alpha-uint8"),
    *("TIFF-pages", "TIFF-ycbcr-2x2-narrow", "JPEG-exif-r03", "TIFF-chromaticities"),
)
SOUND = {
    **every_format(),
    "progressive": saved(picture(), "JPEG", progressive=True),
    "jpeg with metadata": saved(
        picture(), "JPEG", exif=b"Exif\0\0" + exif_block(6, gps=True), icc_profile=srgb_profile()
    ),
    "grey with alpha": saved(picture("LA"), "PNG"),
    "palette": saved(picture("P"), "PNG", transparency=3),
    "webp with alpha": saved(picture("RGBA"), "WEBP", lossless=True),
    "cmyk": saved(picture("CMYK"), "JPEG"),
    "lab": saved(picture("LAB"), "TIFF"),
    "fax": saved(picture("1"), "TIFF", compression="group4"),
    "deflated tiff": saved(picture(), "TIFF", compression="tiff_adobe_deflate"),
    "three pages": tiff_of([scene(12, 9)] * 3, photometric="rgb"),
    **{name: COLOURS[name].data for name in ODD_COLOURS},
}


def outcome(data: bytes, limits: Limits = LIMITS) -> Picture | ErrorClass:
    """Probe and decode; check that a picture has pixels, matches its header and can be written."""
    try:
        header = probe(data)
    except ImageError as error:
        with pytest.raises(ImageError):
            decode(data, limits)
        return error.error_class
    try:
        found = decode(data, limits)
    except ImageError as error:
        return error.error_class
    first = found.pages[0].pixels
    assert first.shape[:2] == (header.height_px, header.width_px)
    assert len(found.pages) == header.pages
    for page in found.pages:
        assert page.pixels.dtype in (np.uint8, np.uint16)
        assert page.pixels.shape[2] in (1, 3)
        assert page.pixels.flags.c_contiguous
        assert page.pixels.flags.writeable
        assert page.alpha is None or page.alpha.shape == page.pixels.shape[:2]
    for name in ("jpeg", "tiff", "jxl"):
        assert encode(found, name, 95, strip_gps=name == "tiff")
        losses(found, name, strip_gps=name == "tiff")
    return found


def folder(shared: Path, name: str) -> list[Path]:
    files = sorted((shared / "data" / "odd" / name).iterdir())
    assert files
    return files


def test_the_png_suite_is_decoded_but_for_its_broken_files(shared: Path) -> None:
    for path in folder(shared, "pngsuite"):
        found = outcome(path.read_bytes())
        # The names of broken files begin with x; the others are valid.
        assert isinstance(found, Picture) != path.name.startswith("x"), path.name


def test_the_png_suite_agrees_with_pillow_where_pillow_reads_it_fully(shared: Path) -> None:
    compared = 0
    for path in folder(shared, "pngsuite"):
        found = outcome(path.read_bytes())
        if not isinstance(found, Picture) or found.bit_depth == 16 or found.mode_in == "LA":
            continue  # Pillow truncates depths and does not scale transparent grey of few bits
        with Image.open(path) as image:
            mode = {"1": "L", "P": "RGB", "PA": "RGBA"}.get(found.mode_in, found.mode_in)
            expected = np.asarray(image.convert(mode))
        (page,) = found.pages
        got = page.pixels if page.alpha is None else np.dstack([page.pixels, page.alpha])
        np.testing.assert_array_equal(got.reshape(expected.shape), expected, err_msg=path.name)
        compared += 1
    assert compared > 90


def test_interlaced_files_equal_their_plain_twins(shared: Path) -> None:
    suite = shared / "data" / "odd" / "pngsuite"
    twins = [path for path in folder(shared, "pngsuite") if path.name.startswith("basi")]
    assert len(twins) == 15
    for path in twins:
        plain = decode((suite / path.name.replace("basi", "basn")).read_bytes(), LIMITS)
        np.testing.assert_array_equal(
            decode(path.read_bytes(), LIMITS).pages[0].pixels, plain.pages[0].pixels
        )


@pytest.mark.parametrize("name", ["Landscape", "Portrait"])
def test_the_eight_orientations_show_one_picture(shared: Path, name: str) -> None:
    small = []
    for number in range(1, 9):
        path = shared / "data" / "odd" / "exif-orientation" / f"{name}_{number}.jpg"
        found = decode(path.read_bytes(), LIMITS)
        assert found.orientation_in == number
        image = Image.fromarray(found.pages[0].pixels)
        # The number printed in the centre differs.
        small.append(np.asarray(image.resize((60, 60), Image.Resampling.BOX)).astype(int))
    for other in small[1:]:
        difference = np.abs(other - small[0]).max(-1)
        difference[20:40, 20:40] = 0
        assert difference.mean() < 4


@pytest.mark.parametrize("name", SOUND)
@given(data=st.data())
def test_damaged_files_give_a_picture_or_an_image_error(name: str, data: st.DataObject) -> None:
    damaged = bytearray(SOUND[name])
    for _ in range(data.draw(st.integers(0, 4))):
        # Half of the changes hit the headers, where they have the largest effect.
        last = len(damaged) - 1 if data.draw(st.booleans()) else min(len(damaged) - 1, 400)
        damaged[data.draw(st.integers(0, last))] ^= 1 << data.draw(st.integers(0, 7))
    cut = data.draw(st.integers(0, len(damaged))) if data.draw(st.booleans()) else len(damaged)
    outcome(bytes(damaged[:cut]))


@pytest.mark.parametrize("name", SOUND)
@given(data=st.data())
def test_a_damaged_prefix_gives_a_header_an_image_error_or_asks_for_more(
    name: str, data: st.DataObject
) -> None:
    damaged = bytearray(SOUND[name])
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.integers(0, min(len(damaged) - 1, 400)))
        damaged[place] = data.draw(st.integers(0, 255))
    length = data.draw(st.integers(0, len(damaged)))
    try:
        probe(bytes(damaged[:length]), len(damaged))
    except NeedMoreBytes as more:
        wanted = more.wanted_bytes
    except ImageError:
        return
    else:
        return
    assert length < wanted <= len(damaged)


@given(data=st.binary(max_size=200), start=st.sampled_from([*SOUND.values()]))
def test_garbage_behind_a_signature_is_an_image_error(data: bytes, start: bytes) -> None:
    assert isinstance(outcome(start[:24] + data), ErrorClass | Picture)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"<html><head><title>404 Not Found</title></head></html>",
        bytes.fromhex("d0cf11e0a1b11ae1") + bytes(4096),  # Thumbs.db
        b"\0\0\0\1Bud1\0\0\x10\0" + bytes(4096),  # .DS_Store
        b"\xff\xd8\xff",
        b"II*\0",
        b"BM",
        b"GIF89a",
        b"\xff\x0a",
    ],
)
def test_what_lies_about_in_photo_folders_is_no_image(data: bytes) -> None:
    assert outcome(data) in (ErrorClass.UNSUPPORTED_FORMAT, ErrorClass.DECODE)


def test_bombs_are_refused_before_they_are_decoded() -> None:
    square = (20_000, 20_000)
    gif = bytearray(saved(picture("P"), "GIF"))
    gif[6:10] = struct.pack("<HH", *square)
    bmp = bytearray(saved(picture(), "BMP"))
    bmp[18:26] = struct.pack("<II", *square)
    webp = b"WEBPVP8X\x0a\0\0\0\0\0\0\0" + (19_999).to_bytes(3, "little") * 2
    webp = b"RIFF" + struct.pack("<I", len(webp)) + webp
    jpeg = bytearray(saved(picture(), "JPEG"))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", *square)
    tiff = bytearray(saved(picture(), "TIFF"))
    for tag in (0x0100, 0x0101, 0x0116):  # width, height, rows of a strip
        at = tiff.index(struct.pack("<HHI", tag, 4, 1))
        struct.pack_into("<I", tiff, at + 8, 20_000)
    rows = zlib.compress(bytes(10_000_000), 9)
    for data in (gif, bmp, webp, jpeg, tiff, png(size=square, idat=rows)):
        assert outcome(bytes(data)) is ErrorClass.TOO_LARGE


def test_a_file_larger_than_its_limit_is_refused() -> None:
    data = SOUND["PNG"]
    limits = Limits(len(data) - 1, 1000, 1 << 20, 1)
    assert outcome(data, limits) is ErrorClass.TOO_LARGE


def test_every_sound_file_is_decoded_without_a_warning_of_python_s() -> None:
    for name, data in SOUND.items():
        found = outcome(data)
        assert isinstance(found, Picture), name
        file = io.BytesIO(encode(found, "png", 95))
        with Image.open(file) as image:
            assert image.size == (found.pages[0].pixels.shape[1], found.pages[0].pixels.shape[0])
